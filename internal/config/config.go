package config

import (
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Config is the whole configuration of one process.
type Config struct {
	Environment   string // "development" or Production
	Introspection bool
	Explorer      bool

	Host    string // empty: all interfaces
	Port    int    // 0: any free port
	DataDir string
	// AdminAddress is what metrics and profiles are served on, host:port; empty:
	// they are not.
	AdminAddress string

	DatabaseURL Secret // postgres:// or postgresql://; empty: SQLite in DataDir
	// DatabaseWait is for a Postgres that does not answer yet at the start.
	DatabaseWait     time.Duration
	DatabaseMaxConns int
	// SecurityEventsRetention is how long the journal is kept; 0: for ever.
	SecurityEventsRetention time.Duration
	RedisURL                Secret // empty: no Redis

	AccessTTL     time.Duration // whole seconds, like the next two
	RefreshTTL    time.Duration
	SessionTTL    time.Duration
	MaxSessions   int // of one user; 0: without a bound
	ReuseWindow   time.Duration
	RefreshGrace  time.Duration
	RetryTTL      time.Duration
	AccessOverlap time.Duration
	ClockLeeway   time.Duration
	ReuseAction   string // "revoke" or "reject"

	AccessPrivatePEMFile  string // both or none of the private keys
	RefreshPrivatePEMFile string
	AccessVerifyPEMFiles  []string
	RefreshVerifyPEMFiles []string
	RotationKeyFile       string
	MasterKey             Secret
	MasterKeyFile         string
	MasterKeyPrevious     Secret         // several by comma
	KeyRotation           time.Duration  // 0: never
	JWKSMaxAge            time.Duration  // whole seconds
	Zone                  *time.Location // of the times in tokens; the log takes it from the environment
	Issuer                string         // a URL without a path; empty: tokens name none
	Audience              []string       // only with an issuer; empty: the issuer

	TrustedProxies  []netip.Prefix // masked; IPv4 never as mapped IPv6
	RateLimits      bool
	CookieMode      bool
	CORSOrigins     []string // just "*", or origins in lower case; never "*" in cookie mode
	ShutdownDelay   time.Duration
	ShutdownTimeout time.Duration

	// TracesEndpoint is where a collector takes OTLP over HTTP; empty: nothing is traced.
	TracesEndpoint string
	TracesHeaders  Secret // name=value by comma, values percent-encoded

	LogLevel  slog.Level
	LogFormat string // "text" or "json"
}

// Production is the Environment whose unset switches are off.
const Production = "production"

// Load reads the configuration through getenv, as os.Getenv. A variable that
// is empty, or blank, counts as unset. The error names every problem, one a
// line, and never a password. With an error the Config holds the settings that
// were valid, so that the keys it names can be checked and their problems told
// with the others; nothing may be started or created from it.
func Load(getenv func(string) string) (Config, error) {
	var c Config
	r := report{failed: map[string]bool{}}
	for _, s := range settings() {
		value := strings.TrimSpace(getenv(s.name))
		if value == "" {
			value = s.fallback
		}
		s.apply(&c, value, r.about(s))
	}
	crossCheck(c, &r)
	return c, errors.Join(r.problems...)
}

// Address is what to listen on, in the form that net.Listen takes.
func (c Config) Address() string {
	return net.JoinHostPort(c.Host, strconv.Itoa(c.Port))
}

// Names returns the names of all settings.
func Names() []string {
	var names []string
	for _, s := range settings() {
		names = append(names, s.name)
	}
	return names
}

// SecretFiles returns the names of the settings of files that hold a secret.
func SecretFiles() []string {
	var names []string
	for _, s := range settings() {
		if s.secret && strings.HasSuffix(s.name, fileSuffix) {
			names = append(names, s.name)
		}
	}
	return names
}
