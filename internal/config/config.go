// Package config reads the environment into one validated struct, and reports
// every problem with it at once, in the operator's words.
//
// Each variable is declared once, in the tables of settings.go, which
// docs/configuration.md is generated from. The package reads .env (or the file
// named in its place) and the files of secrets (NAME_FILE). It only checks that
// key files can be opened. What a setting is used for, what a key file must
// contain, and how a database is reached belong to other packages.
package config

import (
	"cmp"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"rekey/internal/auth"
)

// SlowKeyFetch is how often libraries fetch the published keys at most, whatever
// Cache-Control says. ShortKeyAge is the advice for a JWKS_MAX_AGE below it.
const (
	SlowKeyFetch = 5 * time.Minute
	ShortKeyAge  = "set at least 5m: some libraries fetch the keys at most every 5 minutes, so less only costs requests"
)

// Config is the whole configuration of one process.
type Config struct {
	Environment   string // "development" or Production
	Introspection bool
	Explorer      bool
	AccountPage   bool

	Host    string // empty: all interfaces
	Port    int    // 0: any free port
	DataDir string
	// AdminAddress is host:port for metrics and profiles; empty: not served.
	AdminAddress    string
	AdminHosts      []string // further names for it, in lower case; the name in AdminAddress is one
	MaxConnections  int      // 0: derived from the memory
	HTTPIdleTimeout time.Duration

	DatabaseURL Secret // postgres:// or postgresql://; empty: SQLite in DataDir
	// DatabaseWait limits how long the start waits for Postgres to answer.
	DatabaseWait            time.Duration
	DatabaseMaxConns        int
	SecurityEventsRetention time.Duration // of the journal; 0: forever
	RedisURL                Secret        // empty: no Redis

	AccessTTL      time.Duration // whole seconds, like the next two
	RefreshTTL     time.Duration
	SessionTTL     time.Duration
	DeletionGrace  time.Duration
	MaxSessions    int // of one user; 0: unlimited
	NotifyNewLogin bool

	EmailVerification string // "off", "optional" or "required"

	ReuseWindow      time.Duration
	RefreshGrace     time.Duration
	RefreshGraceREST time.Duration
	RetryTTL         time.Duration
	AccessOverlap    time.Duration
	ClockLeeway      time.Duration
	RecentAuth       time.Duration
	ReuseAction      string // "revoke" or "reject"

	AccessPrivatePEMFile  string // both private keys or neither
	RefreshPrivatePEMFile string
	AccessVerifyPEMFiles  []string
	RefreshVerifyPEMFiles []string
	RotationKeyFile       string
	MasterKey             Secret
	MasterKeyFile         string
	MasterKeyPrevious     Secret        // several by comma
	KeyRotation           time.Duration // 0: never
	KeyLead               time.Duration
	JWKSMaxAge            time.Duration  // whole seconds
	Zone                  *time.Location // of the times in tokens; log lines follow the environment
	AccessTokenType       string         // "JWT" or RFC9068
	Issuer                string         // a URL without a path; empty: tokens have no issuer
	Audience              []string       // only with an issuer; empty: the issuer

	TrustedProxies  []netip.Prefix // masked; IPv4 never as mapped IPv6
	RateLimits      bool
	Limits          auth.Limits // complete
	CookieMode      bool
	CORSHeaders     []string      // header names; empty: any
	CORSOrigins     []string      // just "*", or origins in lower case; never "*" in cookie mode
	RequestTimeout  time.Duration // 0: none
	ShutdownDelay   time.Duration
	ShutdownTimeout time.Duration

	BreachedPasswords     string // the URL of a range API, with a slash at its end; empty: none
	BreachedPasswordsFile string // empty: none

	// AppURL is the address of the pages that links in mails lead to; empty: see
	// PublicURL.
	AppURL            string
	SMTPURL           Secret // smtps:// or smtp://; empty: not by SMTP
	MailFrom          string // a mailbox
	MailWebhookURL    Secret // empty: not by a webhook
	MailWebhookSecret Secret
	MailTemplates     string // a directory; empty: only the embedded templates
	// EgressAllow lists networks that requests of rekey's own may reach although
	// they are not public.
	EgressAllow []netip.Prefix

	// TracesEndpoint is a collector's URL for OTLP over HTTP; empty: no traces.
	TracesEndpoint string
	TracesHeaders  Secret // name=value by comma, values percent-encoded

	LogLevel  slog.Level
	LogFormat string // "text" or "json"
}

// Production is the Environment in which unset switches are off.
const Production = "production"

// Secret is a string that prints and logs as "[redacted]". Convert it to a
// string to use it.
type Secret string

const redacted = "[redacted]"

// String returns "[redacted]", or "" if the secret is empty.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return redacted
}

// GoString redacts the value for %#v.
func (s Secret) GoString() string { return s.String() }

// LogValue redacts the value for slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText redacts the value for encoders.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Load reads the configuration through getenv, such as os.Getenv. An empty or
// blank variable counts as unset. The error lists every problem, one per line,
// and never contains a password. With an error, the Config holds the settings
// that are valid, so that the caller can check the keys that it names and report
// all problems together; nothing may be started or created from it.
func Load(getenv func(string) string) (Config, error) {
	var c Config
	p := problems{failed: map[string]bool{}}
	for _, s := range settings(&c) {
		value := strings.TrimSpace(getenv(s.name))
		if value == "" {
			value = s.fallback
		}
		s.apply(value, p.of(s))
	}
	crossCheck(c, &p)
	return c, errors.Join(p.list...)
}

// Address returns the address to listen on, in the form that net.Listen takes.
func (c Config) Address() string {
	return net.JoinHostPort(c.Host, strconv.Itoa(c.Port))
}

// PublicURL returns the address that people reach the service at: APP_URL, or
// ISSUER, or the port on this machine. The pages that links in mails lead to are
// there.
func (c Config) PublicURL() string {
	host := c.Host
	if addr, err := netip.ParseAddr(host); host == "" || err == nil && addr.IsUnspecified() {
		host = "localhost"
	}
	return cmp.Or(c.AppURL, c.Issuer, "http://"+net.JoinHostPort(host, strconv.Itoa(c.Port)))
}

// Names returns the names of all settings.
func Names() []string {
	var names []string
	for _, s := range settings(new(Config)) {
		names = append(names, s.name)
	}
	return names
}

// SecretFiles returns the names of the settings for files that contain a secret.
func SecretFiles() []string {
	var names []string
	for _, s := range settings(new(Config)) {
		if s.secret && strings.HasSuffix(s.name, fileSuffix) {
			names = append(names, s.name)
		}
	}
	return names
}
