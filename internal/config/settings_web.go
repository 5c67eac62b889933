package config

import "net/netip"

func exposure() []setting {
	return []setting{
		{name: "ENV", fallback: "development", kind: "`development` or `production`",
			about: "What a switch that is unset follows. In production, what helps developers and strangers alike is off.",
			apply: choice(func(c *Config) *string { return &c.Environment }, "development", Production)},
		{name: "INTROSPECTION", kind: "`on` or `off`",
			about: "Whether clients may ask for the schema, and errors about documents help with its names. Unset: `on`, and `off` in production.",
			apply: offInProduction(func(c *Config) *bool { return &c.Introspection })},
		{name: "EXPLORER", kind: "`on` or `off`",
			about: "Whether `/` is the [explorer](explorer.md), a page to try the API with. It needs `INTROSPECTION` for its help. Unset: `on`, and `off` in production.",
			apply: offInProduction(func(c *Config) *bool { return &c.Explorer })},
	}
}

func clients() []setting {
	return []setting{
		{name: "TRUSTED_PROXIES", kind: "addresses or CIDRs, by comma",
			about: "Whose `X-Forwarded-For` and `X-Forwarded-Proto` count. Unset: nobody's. Name only proxies of your own: whoever is trusted can claim any client address.",
			apply: prefixes(func(c *Config) *[]netip.Prefix { return &c.TrustedProxies })},
		{name: "COOKIE_MODE", fallback: "off", kind: "`on` or `off`",
			about: "Whether browsers keep the refresh token in an httpOnly cookie that no script reads (see [browsers](browsers.md)).",
			apply: onOff(func(c *Config) *bool { return &c.CookieMode })},
		{name: "CORS_ORIGINS", kind: "origins, by comma",
			about: "Origins whose pages may call, such as `https://app.example.com`, or `*` for any. Unset: `*`; with `COOKIE_MODE=on` none but this service's own, and `*` is refused.",
			apply: origins(func(c *Config) *[]string { return &c.CORSOrigins })},
		{name: "RATE_LIMITS", fallback: "on", kind: "`on` or `off`", about: "`off` is for load tests only.",
			apply: onOff(func(c *Config) *bool { return &c.RateLimits })},
	}
}

func logs() []setting {
	return []setting{
		{name: "LOG_LEVEL", fallback: "info", kind: "`debug`, `info`, `warn` or `error`", about: "The least severe lines to write.",
			apply: logLevel},
		{name: "LOG_FORMAT", fallback: "text", kind: "`text` or `json`", about: "The form of log lines.",
			apply: choice(func(c *Config) *string { return &c.LogFormat }, "text", "json")},
		{name: "OTEL_EXPORTER_OTLP_ENDPOINT", kind: "URL",
			about: "Where an OpenTelemetry collector takes OTLP over HTTP, such as `http://localhost:4318`. The other variables of its specification (`OTEL_TRACES_SAMPLER`, `OTEL_RESOURCE_ATTRIBUTES`, ...) are heeded as well. Unset: nothing is traced.",
			apply: webURL(func(c *Config) *string { return &c.TracesEndpoint })},
		{name: "OTEL_EXPORTER_OTLP_HEADERS", kind: "name=value, several by comma", secret: true,
			about: "What the collector wants to see in each request, such as `authorization=Bearer%20...`; values are percent-encoded.",
			held:  headersOf, apply: headers(headersOf)},
	}
}
