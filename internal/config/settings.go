package config

import "time"

// setting declares one environment variable.
type setting struct {
	name     string
	fallback string // the value when it is unset
	kind     string // the form of its values, for the reference
	about    string // its effect, for the reference
	group    string // its heading in the reference
	secret   bool   // never shown
	apply    apply
	// inFile is set for a secret that NAME_FILE may hold instead: the field that
	// apply fills.
	inFile *Secret
}

// settings returns the declarations, in the order of the reference. Applying
// them fills c.
func settings(c *Config) []setting {
	groups := []struct {
		name     string
		settings []setting
	}{
		{"Exposure", exposure(c)}, // first, because other settings depend on ENV
		{"Listening", listening(c)},
		{"Storage", storage(c)},
		{"Sessions and tokens", lifetimes(c)},
		{"Rotation", rotation(c)},
		{"Keys", keys(c)},
		{"Clients", clients(c)},
		{"Passwords", passwords(c)},
		{"Mail", mails(c)},
		{"Logs and traces", logs(c)},
	}
	var all []setting
	for _, g := range groups {
		for _, s := range g.settings {
			s.group = g.name
			all = append(all, s)
			if s.inFile != nil {
				all = append(all, inFile(s))
			}
		}
	}
	return all
}

func exposure(c *Config) []setting {
	return []setting{
		{name: "ENV", fallback: "development", kind: "`development` or `production`", apply: choice(&c.Environment, "development", Production),
			about: "In production, the switches below are off unless they are set, because they help strangers as much as developers."},
		{name: "INTROSPECTION", kind: "`on` or `off`", apply: offInProduction(c, &c.Introspection),
			about: "Whether clients may query the schema, and errors about a document suggest names. Default: `on`; in production `off`."},
		{name: "EXPLORER", kind: "`on` or `off`", apply: offInProduction(c, &c.Explorer),
			about: "Whether `/` serves the [explorer](how-to/explorer.md), a page to try the API with. Its help needs `INTROSPECTION`. Default: `on`; in production `off`."},
		{name: "ACCOUNT_PAGE", fallback: "on", kind: "`on` or `off`", apply: onOff(&c.AccountPage),
			about: "Whether `/account` serves [the page](how-to/account-page.md) that links in mails lead to, unless `APP_URL` is an address elsewhere. `off` if `APP_URL` is your application: it then needs such a page."},
	}
}

func listening(c *Config) []setting {
	return []setting{
		{name: "HOST", kind: "name or address", apply: host(&c.Host), about: "Interface to listen on. Default: all."},
		{name: "PORT", fallback: "8080", kind: "number", apply: integer(&c.Port, 0, 65535),
			about: "TCP port. 0 takes any free port, which is printed at the start."},
		{name: "ADMIN_ADDR", kind: "host:port", apply: adminAddress(c),
			about: "Address that serves metrics (`/metrics`) and profiles (`/debug/pprof/`), such as `127.0.0.1:9090`; port 0 takes any free port. There is no authentication: clients must not reach it. Default: not served."},
		{name: "ADMIN_HOSTS", kind: "host names, separated by commas", apply: adminHosts(c),
			about: "Names by which `ADMIN_ADDR` may be reached, such as `rekey-metrics.auth.svc`, besides its own, `localhost` and every IP address. Requests with another `Host` get 421, so that no page can read the metrics through a browser (DNS rebinding)."},
		{name: "MAX_CONNECTIONS", fallback: "0", kind: "number", apply: integer(&c.MaxConnections, 0, 1<<20),
			about: "Maximum number of [connections of clients](operations.md#connections) on `PORT`. 0: one for each 128 KiB of the memory that this process may use, from 256 to 65536, and at most 3/4 of the files that it may open. A network that is not one of `TRUSTED_PROXIES` may have a quarter of them."},
		{name: "HTTP_IDLE_TIMEOUT", fallback: "2m", kind: "duration", apply: duration(&c.HTTPIdleTimeout, time.Second, time.Hour),
			about: "How long a connection without a request is kept. It must be longer than a load balancer keeps its connections, or requests get 502: more than 60 s behind AWS's ALB and nginx, and more than 600 s behind Google Cloud's (`620s`)."},
		{name: "REQUEST_TIMEOUT", fallback: "8s", kind: "duration", apply: duration(&c.RequestTimeout, 0, 25*time.Second),
			about: "How long a request may take, at most 25s. Then it is answered 503 with `Retry-After`. Keep it below the [limits](reference/limits.md#time-limits) of proxies and clients. Streams are exempt. 0: only the limits of the database apply, which add up to 16 s."},
		{name: "SHUTDOWN_DELAY", fallback: "0s", kind: "duration", apply: duration(&c.ShutdownDelay, 0, 5*time.Minute),
			about: "After SIGTERM, SIGINT or SIGHUP, how long to continue serving while `/readyz` answers 503, so that load balancers stop sending requests."},
		{name: "SHUTDOWN_TIMEOUT", fallback: "20s", kind: "duration", apply: duration(&c.ShutdownTimeout, 0, 10*time.Minute),
			about: "After SIGTERM, SIGINT or SIGHUP, how long requests in flight may take to finish."},
	}
}

func storage(c *Config) []setting {
	return []setting{
		{name: "DATA_DIR", fallback: "./data", kind: "directory", apply: directory(&c.DataDir),
			about: "Directory of the SQLite database and of the master key that the first start creates. Created if it is missing."},
		{name: "DATABASE_URL", kind: "URL", secret: true, inFile: &c.DatabaseURL, apply: databaseURL(&c.DatabaseURL),
			about: "`postgres://` or `postgresql://`. A Unix socket is the host `%2Fvar%2Frun%2Fpostgresql`, or the parameter `host`. Default: SQLite in `DATA_DIR`."},
		{name: "DATABASE_WAIT", fallback: "30s", kind: "duration", apply: duration(&c.DatabaseWait, 0, time.Hour),
			about: "How long the start waits for a Postgres that does not answer yet. 0: it tries once."},
		{name: "DATABASE_MAX_CONNS", fallback: "20", kind: "number", apply: integer(&c.DatabaseMaxConns, 2, 1000),
			about: "Maximum number of connections of this process to Postgres. All replicas together must stay below the server's `max_connections`."},
		{name: "SECURITY_EVENTS_RETENTION", fallback: "2160h", kind: "duration", apply: duration(&c.SecurityEventsRetention, 0, 20*year),
			about: "How long the [security journal](reference/events.md#the-security-journal) keeps events. 0: forever."},
		{name: "REDIS_URL", kind: "URL", secret: true, inFile: &c.RedisURL, apply: redisURL(&c.RedisURL),
			about: "`redis://`, `rediss://`, `redis+sentinel://` or `redis+cluster://`. With Redis, most access checks need no database query, and replicas share rate limits. Default: no Redis."},
	}
}

func lifetimes(c *Config) []setting {
	return []setting{
		// A service that checks only the signature of an access token does not
		// see a logout, so the token's lifetime bounds how long it errs.
		{name: "ACCESS_TTL", fallback: "15m", kind: "duration", apply: wholeSeconds(&c.AccessTTL, 24*time.Hour),
			about: "Lifetime of an access token, in whole seconds, at most 24h. A service that checks only the signature accepts the token for this long after a logout."},
		{name: "REFRESH_TTL", fallback: "720h", kind: "duration", apply: wholeSeconds(&c.RefreshTTL, year),
			about: "Lifetime of a refresh token, in whole seconds. A session that is not used for this long expires. At least `ACCESS_TTL`."},
		{name: "SESSION_TTL", fallback: "2160h", kind: "duration", apply: wholeSeconds(&c.SessionTTL, 5*year),
			about: "Lifetime of a session, in whole seconds, regardless of its use. At least `REFRESH_TTL`."},
		{name: "MAX_SESSIONS", fallback: "100", kind: "number", apply: integer(&c.MaxSessions, 0, 10000),
			about: "Maximum number of sessions per user. A login beyond it revokes the session that was unused for longest. 0: unlimited."},
		{name: "DELETION_GRACE", fallback: "168h", kind: "duration", apply: duration(&c.DeletionGrace, 0, year),
			about: "How long after [the deletion of an account](how-to/delete-accounts.md) its data is erased. Until then, the link in the mail about it cancels the deletion. 0: at once."},
		{name: "CLOCK_LEEWAY", fallback: "30s", kind: "duration", apply: leeway(&c.ClockLeeway, 5*time.Minute),
			about: "How far clocks may differ when `iat` and `nbf` are checked; `exp` has no leeway. Less than a second counts as one second."},
		{name: "ISSUER", kind: "URL", apply: issuer(&c.Issuer),
			about: "URL at which clients and other services reach this service, such as `https://auth.example.com`. Tokens then contain `iss`, `aud`, `sub` and `jti`, and [metadata](keys.md#for-other-services) is served. Tokens without an issuer remain valid; tokens of another issuer do not, so a later change revokes all sessions."},
		{name: "AUDIENCE", kind: "names, separated by commas", apply: list(&c.Audience),
			about: "Value of `aud`. Tokens that name none of these are refused. Default: the issuer."},
		{name: "ACCESS_TOKEN_TYP", fallback: "JWT", kind: "`JWT` or `at+jwt`", apply: choice(&c.AccessTokenType, "JWT", "at+jwt"),
			about: "`typ` of access tokens. `at+jwt` follows [RFC 9068](keys.md#for-other-services), which strict libraries require: the tokens then also contain `client_id` and `scope`. It needs `ISSUER`. Legacy clients may require `JWT`."},
		{name: "TZ", fallback: "UTC", kind: "zone", apply: zone(&c.Zone),
			about: "Time zone of the times inside tokens and of log lines, a name of the tz database such as `Europe/Budapest`. While it is unset, log lines use the machine's zone."},
	}
}

func rotation(c *Config) []setting {
	return []setting{
		{name: "REUSE_WINDOW", fallback: "10s", kind: "duration", apply: duration(&c.ReuseWindow, 0, time.Hour),
			about: "How long after a rotation the replaced refresh token counts as a race of two tabs and not as theft. A token replaced earlier in a [burst](explanation/rotation.md#bursts) counts as a race for up to twice as long."},
		{name: "REFRESH_GRACE", fallback: "0s", kind: "duration", apply: duration(&c.RefreshGrace, 0, time.Hour),
			about: "How long after a rotation the replaced refresh token returns the same pair through GraphQL without an `Idempotency-Key`. At most `RETRY_TTL`."},
		{name: "REFRESH_GRACE_REST", fallback: "0s", kind: "duration", apply: duration(&c.RefreshGraceREST, 0, time.Hour),
			about: "The same for the [legacy route](reference/rest.md#get-authrefresh), if the token was replaced through that route by the same user agent. At most `RETRY_TTL`."},
		{name: "RETRY_TTL", fallback: "24h", kind: "duration", apply: duration(&c.RetryTTL, 0, 30*24*time.Hour),
			about: "How long after a rotation the replaced refresh token returns the same pair with the rotation's `Idempotency-Key`."},
		{name: "ACCESS_OVERLAP", fallback: "10s", kind: "duration", apply: duration(&c.AccessOverlap, 0, 5*time.Minute),
			about: "How long after a rotation the replaced access token still works, so that requests in flight finish."},
		{name: "RECENT_AUTH", fallback: "10m", kind: "duration", apply: duration(&c.RecentAuth, time.Minute, 24*time.Hour),
			about: "How long after a login or `reauthenticate` a session may [change the address, delete the account and the like](how-to/ask-again.md)."},
		{name: "REUSE_ACTION", fallback: "revoke", kind: "`revoke` or `reject`", apply: choice(&c.ReuseAction, "revoke", "reject"),
			about: "Reaction to the replay of an old refresh token: revoke the session, or only refuse the token and record it."},
	}
}

func keys(c *Config) []setting {
	return []setting{
		{name: "MASTER_KEY", kind: "64 hex characters", secret: true, apply: secret(&c.MasterKey),
			about: "Key that encrypts the [keys](keys.md) in the database, the same for all replicas: `openssl rand -hex 32`. Default, without `MASTER_KEY_FILE`: `master.key` in `DATA_DIR`, which the first start creates."},
		{name: "MASTER_KEY_FILE", kind: "file", apply: file(&c.MasterKeyFile),
			about: "The same in a file, one key per line: the first encrypts, the others only decrypt. Not together with `MASTER_KEY`."},
		{name: "MASTER_KEY_PREVIOUS", kind: "64 hex characters, several separated by commas", secret: true,
			inFile: &c.MasterKeyPrevious, apply: secret(&c.MasterKeyPrevious),
			about: "Previous master keys, which decrypt until `rekey keys reencrypt` has run. `MASTER_KEY_PREVIOUS_FILE` may be a `master.key`."},
		{name: "KEY_ROTATION", fallback: "0s", kind: "duration", apply: duration(&c.KeyRotation, 0, 5*year),
			about: "Age at which a new key replaces the current one, such as `720h`. 0: only `rekey keys rotate` does. At least `KEY_LEAD` and `JWKS_MAX_AGE`."},
		{name: "KEY_LEAD", fallback: "24h", kind: "duration", apply: duration(&c.KeyLead, 0, 30*24*time.Hour),
			about: "How long a new key is published before it signs, so that services with a [slow key cache](keys.md#for-other-services) know it by then. A key waits at least `JWKS_MAX_AGE` + 5 s + `CLOCK_LEEWAY`. `rekey keys rotate --now` waits for neither."},
		{name: "JWKS_MAX_AGE", fallback: "10m", kind: "duration", apply: wholeSeconds(&c.JWKSMaxAge, 24*time.Hour),
			about: "How long other services may cache the published keys, in whole seconds. A new key is published for at least this long before it signs. Some libraries fetch the keys at most every 5 minutes, so less only costs requests; the service and `rekey doctor` warn of it."},
		{name: "ACCESS_PRIVATE_PEM_FILE", kind: "file", apply: file(&c.AccessPrivatePEMFile),
			about: "P-256 private key that signs access tokens, instead of the keys in the database. Set together with `REFRESH_PRIVATE_PEM_FILE`."},
		{name: "REFRESH_PRIVATE_PEM_FILE", kind: "file", apply: file(&c.RefreshPrivatePEMFile),
			about: "The same for refresh tokens. It must be another key."},
		{name: "ACCESS_VERIFY_PEM_FILES", kind: "files, separated by commas", apply: files(&c.AccessVerifyPEMFiles),
			about: "Further public keys that verify access tokens: keys that signed earlier."},
		{name: "REFRESH_VERIFY_PEM_FILES", kind: "files, separated by commas", apply: files(&c.RefreshVerifyPEMFiles),
			about: "The same for refresh tokens."},
		{name: "ROTATION_KEY_FILE", kind: "file", apply: file(&c.RotationKeyFile),
			about: "Keys that derive the next secret of a session, instead of the keys in the database: 64 hex characters per line, the current key first; the same for all replicas."},
	}
}

func clients(c *Config) []setting {
	return []setting{
		{name: "TRUSTED_PROXIES", kind: "addresses or CIDRs, separated by commas", apply: prefixes(&c.TrustedProxies),
			about: "Proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are trusted. Both are read from the right, as far as there are trusted proxies. Name only proxies of your own: a trusted proxy can claim any client address. Default: none."},
		{name: "COOKIE_MODE", fallback: "off", kind: "`on` or `off`", apply: onOff(&c.CookieMode),
			about: "Whether browsers keep the refresh token in an httpOnly cookie that scripts cannot read (see [browsers](how-to/browsers.md))."},
		{name: "CORS_ORIGINS", kind: "origins, separated by commas", apply: origins(c, &c.CORSOrigins),
			about: "Origins whose pages may send requests, such as `https://app.example.com`, or `*` for any. A default port and a slash at the end are removed, and an international host becomes its form in DNS. Default: `*`; with `COOKIE_MODE=on` only this service's own origin, and `*` is refused."},
		{name: "CORS_HEADERS", kind: "names of headers, separated by commas", apply: headerNames(&c.CORSHeaders),
			about: "The only headers of their own that pages of `CORS_ORIGINS` may send to `/graphql`, such as `traceparent`. Default: any. `Authorization`, `Content-Type`, `Idempotency-Key` and `X-Request-ID` are always allowed."},
		{name: "RATE_LIMITS", fallback: "on", kind: "`on` or `off`", apply: onOff(&c.RateLimits), about: "`off` is only for load tests."},
		{name: "LIMITS", kind: "name=rate:burst, several separated by commas", apply: limits(&c.Limits),
			about: "Changes of single [limits](#limits), such as `login_address=5/s:50,refresh=90/min`. A rate is a number per `/s`, `/min`, `/h` or `/d`, from 1/d to 100000/s; a burst is 1 to 10000, and remains as it is if it is not given. `rekey doctor` lists the limits in effect."},
	}
}

func logs(c *Config) []setting {
	return []setting{
		{name: "LOG_LEVEL", fallback: "info", kind: "`debug`, `info`, `warn` or `error`", apply: logLevel(&c.LogLevel),
			about: "The least severe level that is logged."},
		{name: "LOG_FORMAT", fallback: "text", kind: "`text` or `json`", apply: choice(&c.LogFormat, "text", "json"),
			about: "Format of log lines."},
		{name: "OTEL_EXPORTER_OTLP_ENDPOINT", kind: "URL", apply: webURL(&c.TracesEndpoint),
			about: "URL at which an OpenTelemetry collector accepts OTLP over HTTP, such as `http://localhost:4318`. The other variables that OpenTelemetry specifies (`OTEL_TRACES_SAMPLER`, `OTEL_RESOURCE_ATTRIBUTES`, ...) work as well. Default: no traces."},
		{name: "OTEL_EXPORTER_OTLP_HEADERS", kind: "name=value, several separated by commas", secret: true,
			inFile: &c.TracesHeaders, apply: headers(&c.TracesHeaders),
			about: "Headers that the collector requires in each request, such as `authorization=Bearer%20...`; values are percent-encoded."},
	}
}
