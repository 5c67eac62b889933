package config

import "net/netip"

func clients() []setting {
	return []setting{
		{name: "TRUSTED_PROXIES", kind: "addresses or CIDRs, by comma",
			about: "Whose `X-Forwarded-For` and `X-Forwarded-Proto` count. Unset: nobody's. Name only proxies of your own: whoever is trusted can claim any client address.",
			apply: prefixes(func(c *Config) *[]netip.Prefix { return &c.TrustedProxies })},
		{name: "CORS_ORIGINS", fallback: "*", kind: "origins, by comma",
			about: "Origins whose pages may call, such as `https://app.example.com`, or `*` for any.",
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
	}
}
