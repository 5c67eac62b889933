package config

import "time"

// setting declares one environment variable: everything that is known of it.
type setting struct {
	name     string
	fallback string // the value when it is unset
	kind     string // what its values look like, for the reference
	about    string // what it does, for the reference
	group    string // its heading in the reference
	secret   bool   // never shown
	apply    func(c *Config, value string, bad reject)
	// held is where a secret goes, of which there is then a file as well.
	held func(c *Config) *Secret
}

// settings returns the declarations in the order of the reference.
func settings() []setting {
	groups := []struct {
		name     string
		settings []setting
	}{
		{"Exposure", exposure()}, // first: ENV is what others follow
		{"Listening", listening()},
		{"Storage", storage()},
		{"Sessions and tokens", lifetimes()},
		{"Rotation", rotation()},
		{"Keys", keys()},
		{"Clients", clients()},
		{"Logs and traces", logs()},
	}
	var all []setting
	for _, g := range groups {
		for _, s := range g.settings {
			s.group = g.name
			all = append(all, s)
			if s.held != nil {
				all = append(all, inFile(s))
			}
		}
	}
	return all
}

func listening() []setting {
	return []setting{
		{name: "HOST", kind: "name or address", about: "What to listen on. Unset: all interfaces.",
			apply: host(func(c *Config) *string { return &c.Host })},
		{name: "PORT", fallback: "8080", kind: "number", about: "TCP port. 0 takes any free one, which the start prints.",
			apply: integer(func(c *Config) *int { return &c.Port }, 0, 65535)},
		{name: "ADMIN_ADDR", kind: "host:port",
			about: "Where to serve metrics (`/metrics`) and profiles (`/debug/pprof/`), such as `127.0.0.1:9090`; port 0 takes any free one. Nobody is asked who they are: it must not be what clients reach. Unset: nowhere.",
			apply: address(func(c *Config) *string { return &c.AdminAddress })},
		{name: "SHUTDOWN_DELAY", fallback: "0s", kind: "duration",
			about: "On SIGTERM or SIGINT, how long to go on serving while `/readyz` answers 503, so that load balancers look elsewhere first.",
			apply: duration(func(c *Config) *time.Duration { return &c.ShutdownDelay }, 0, 5*time.Minute)},
		{name: "SHUTDOWN_TIMEOUT", fallback: "20s", kind: "duration",
			about: "On SIGTERM or SIGINT, how long requests in flight may take to finish.",
			apply: duration(func(c *Config) *time.Duration { return &c.ShutdownTimeout }, 0, 10*time.Minute)},
	}
}

func storage() []setting {
	return []setting{
		{name: "DATA_DIR", fallback: "./data", kind: "directory",
			about: "Where the SQLite database and the keys made at the first start are kept. Made when missing.",
			apply: directory(func(c *Config) *string { return &c.DataDir })},
		{name: "DATABASE_URL", kind: "URL", secret: true,
			about: "`postgres://` or `postgresql://`. Unset: SQLite in `DATA_DIR`.",
			held:  databaseURLOf, apply: databaseURL(databaseURLOf)},
		{name: "DATABASE_WAIT", fallback: "30s", kind: "duration",
			about: "At the start, how long to wait for a Postgres that does not answer yet. 0 tries once.",
			apply: duration(func(c *Config) *time.Duration { return &c.DatabaseWait }, 0, time.Hour)},
		{name: "DATABASE_MAX_CONNS", fallback: "20", kind: "number",
			about: "Most connections of this process to Postgres. All replicas together must stay below the server's `max_connections`.",
			apply: integer(func(c *Config) *int { return &c.DatabaseMaxConns }, 2, 1000)},
		{name: "SECURITY_EVENTS_RETENTION", fallback: "2160h", kind: "duration",
			about: "How long the [security journal](operations.md#the-security-journal) keeps events. 0: for ever.",
			apply: duration(func(c *Config) *time.Duration { return &c.SecurityEventsRetention }, 0, 20*year)},
		{name: "REDIS_URL", kind: "URL", secret: true,
			about: "`redis://`, `rediss://`, `redis+sentinel://` or `redis+cluster://`. Spares access checks a look into the database. Unset: no Redis.",
			held:  redisURLOf, apply: redisURL(redisURLOf)},
	}
}

func lifetimes() []setting {
	return []setting{
		// A service that verifies access tokens by their signature alone does
		// not learn of a logout: their life is how long it stays wrong.
		{name: "ACCESS_TTL", fallback: "15m", kind: "duration",
			about: "Life of an access token, in whole seconds, at most 24h: whoever checks only the signature learns of a logout no earlier than this.",
			apply: wholeSeconds(func(c *Config) *time.Duration { return &c.AccessTTL }, 24*time.Hour)},
		{name: "REFRESH_TTL", fallback: "720h", kind: "duration",
			about: "Life of a refresh token, in whole seconds: a session unused for this long ends. At least `ACCESS_TTL`.",
			apply: wholeSeconds(func(c *Config) *time.Duration { return &c.RefreshTTL }, year)},
		{name: "SESSION_TTL", fallback: "2160h", kind: "duration",
			about: "Life of a session, in whole seconds, however busy it is. At least `REFRESH_TTL`.",
			apply: wholeSeconds(func(c *Config) *time.Duration { return &c.SessionTTL }, 5*year)},
		{name: "MAX_SESSIONS", fallback: "100", kind: "number",
			about: "Most sessions of one user. A login over it ends the one that was unused for longest. 0: without a bound.",
			apply: integer(func(c *Config) *int { return &c.MaxSessions }, 0, 10000)},
		{name: "CLOCK_LEEWAY", fallback: "30s", kind: "duration",
			about: "How far clocks may be apart when `iat` and `nbf` are judged; `exp` has no leeway. Less than a second counts as one: so far a clock is taken to be right.",
			apply: leeway(func(c *Config) *time.Duration { return &c.ClockLeeway }, 5*time.Minute)},
		{name: "ISSUER", kind: "URL",
			about: "Where clients and other services reach this service, such as `https://auth.example.com`. Tokens then have `iss`, `aud`, `sub` and `jti`, and there is [metadata](keys.md#for-other-services). Tokens of before stay good; those of another issuer do not, so a later change ends all sessions.",
			apply: issuer(func(c *Config) *string { return &c.Issuer })},
		{name: "AUDIENCE", kind: "names, by comma", about: "What `aud` is. Unset: the issuer. Tokens that name none of these are refused.",
			apply: list(func(c *Config) *[]string { return &c.Audience })},
		{name: "TZ", fallback: "UTC", kind: "zone", about: "Zone of the times inside tokens and of the timestamps of log lines (these are in the machine's zone while it is unset), a name of the tz database such as `Europe/Budapest`.",
			apply: zone(func(c *Config) **time.Location { return &c.Zone })},
	}
}

func rotation() []setting {
	return []setting{
		{name: "REUSE_WINDOW", fallback: "10s", kind: "duration",
			about: "After a rotation, how long the old refresh token counts as a race of two tabs and not as theft.",
			apply: duration(func(c *Config) *time.Duration { return &c.ReuseWindow }, 0, time.Hour)},
		{name: "REFRESH_GRACE", fallback: "0s", kind: "duration",
			about: "After a rotation, how long the old refresh token gets the same pair again without an `Idempotency-Key`. At most `RETRY_TTL`.",
			apply: duration(func(c *Config) *time.Duration { return &c.RefreshGrace }, 0, time.Hour)},
		{name: "RETRY_TTL", fallback: "24h", kind: "duration",
			about: "After a rotation, how long the old refresh token gets the same pair again with the `Idempotency-Key` of the rotation.",
			apply: duration(func(c *Config) *time.Duration { return &c.RetryTTL }, 0, 30*24*time.Hour)},
		{name: "ACCESS_OVERLAP", fallback: "10s", kind: "duration",
			about: "After a rotation, how long the old access token still works, so that requests in flight finish.",
			apply: duration(func(c *Config) *time.Duration { return &c.AccessOverlap }, 0, 5*time.Minute)},
		{name: "REUSE_ACTION", fallback: "revoke", kind: "`revoke` or `reject`",
			about: "What the replay of an old refresh token does: end the session, or only refuse and record it.",
			apply: choice(func(c *Config) *string { return &c.ReuseAction }, "revoke", "reject")},
	}
}

func keys() []setting {
	return []setting{
		{name: "MASTER_KEY", kind: "64 hex characters", secret: true,
			about: "What the keys in the database are encrypted with ([keys](keys.md)), the same for all replicas: `openssl rand -hex 32`. Unset, and `MASTER_KEY_FILE` too: `master.key` in `DATA_DIR`, made at the first start.",
			apply: secret(func(c *Config) *Secret { return &c.MasterKey })},
		{name: "MASTER_KEY_FILE", kind: "file", about: "The same in a file, a key to a line: the first one encrypts, the others only decrypt. Not together with `MASTER_KEY`.",
			apply: file(func(c *Config) *string { return &c.MasterKeyFile })},
		{name: "MASTER_KEY_PREVIOUS", kind: "64 hex characters, several by comma", secret: true,
			about: "Master keys of before, which decrypt until `rekey keys reencrypt` has run. `MASTER_KEY_PREVIOUS_FILE` may be a `master.key`.",
			held:  previousOf, apply: secret(previousOf)},
		{name: "KEY_ROTATION", fallback: "0s", kind: "duration",
			about: "After what time a key is followed by a new one, such as `720h`. 0: only by `rekey keys rotate`. At least `JWKS_MAX_AGE`.",
			apply: duration(func(c *Config) *time.Duration { return &c.KeyRotation }, 0, 5*year)},
		{name: "JWKS_MAX_AGE", fallback: "10m", kind: "duration",
			about: "How long other services may keep the published keys, in whole seconds. A new key is published for at least this long before it signs.",
			apply: wholeSeconds(func(c *Config) *time.Duration { return &c.JWKSMaxAge }, 24*time.Hour)},
		{name: "ACCESS_PRIVATE_PEM_FILE", kind: "file",
			about: "P-256 private key that signs access tokens, in place of those in the database. Set with `REFRESH_PRIVATE_PEM_FILE`, or neither.",
			apply: file(func(c *Config) *string { return &c.AccessPrivatePEMFile })},
		{name: "REFRESH_PRIVATE_PEM_FILE", kind: "file", about: "The same for refresh tokens. It must be another key.",
			apply: file(func(c *Config) *string { return &c.RefreshPrivatePEMFile })},
		{name: "ACCESS_VERIFY_PEM_FILES", kind: "files, by comma", about: "Public keys under which access tokens verify too: keys that signed before.",
			apply: files(func(c *Config) *[]string { return &c.AccessVerifyPEMFiles })},
		{name: "REFRESH_VERIFY_PEM_FILES", kind: "files, by comma", about: "The same for refresh tokens.",
			apply: files(func(c *Config) *[]string { return &c.RefreshVerifyPEMFiles })},
		{name: "ROTATION_KEY_FILE", kind: "file",
			about: "Keys from which the next secret of a session is derived, in place of those in the database: 64 hex characters to a line, the current one first; the same for all replicas.",
			apply: file(func(c *Config) *string { return &c.RotationKeyFile })},
	}
}

// Where secrets go of which there is a file as well.
func databaseURLOf(c *Config) *Secret { return &c.DatabaseURL }
func redisURLOf(c *Config) *Secret    { return &c.RedisURL }
func previousOf(c *Config) *Secret    { return &c.MasterKeyPrevious }
func headersOf(c *Config) *Secret     { return &c.TracesHeaders }
