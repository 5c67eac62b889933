package verify

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// WhenStale says what to do with an otherwise valid token if the blacklist is
// older than MaxStale.
type WhenStale string

// The values of WhenStale.
const (
	// Refuse returns ErrUnavailable. It is the default.
	Refuse WhenStale = "refuse"
	// Introspect asks rekey about the token (RFC 7662), and returns ErrUnavailable
	// if rekey does not answer. The API key also needs the scope tokens:introspect.
	Introspect WhenStale = "introspect"
)

// Options configure a Verifier. URL and APIKey are required.
type Options struct {
	// URL is the base URL of rekey, without a path, such as https://auth.example.com.
	URL string
	// APIKey is a key with the scope blacklist:read.
	APIKey string
	// Issuer and Audience are required of tokens. If one is empty, that claim is
	// not checked.
	Issuer, Audience string

	// AccessTTL is the longest lifetime of an access token: rekey's ACCESS_TTL, or
	// more. Older tokens are refused. Default 15 minutes.
	AccessTTL time.Duration
	// ClockLeeway is the largest difference between this clock and rekey's. exp has
	// no leeway. Default 30 s.
	ClockLeeway time.Duration
	// MaxStale is how long tokens are accepted after the last heartbeat, and how
	// long published keys are used after they have expired. It is at least 45 s,
	// because heartbeats come every 15 s and two may be lost. Default 1 minute.
	MaxStale  time.Duration
	WhenStale WhenStale
	// MaxEvents limits the stored part of the blacklist; an event takes about 300
	// bytes. When the limit is reached, stored events remain, and the blacklist
	// counts as stale. Default 1 million.
	MaxEvents int

	// Client sends the requests. Its Timeout must be zero. It follows no redirects.
	// Default: a new client.
	Client *http.Client
	Logger *slog.Logger // default: discards
	// Now and After replace the clock. Default: the real one.
	Now   func() time.Time
	After func(time.Duration) <-chan time.Time
}

const minStale = 45 * time.Second

// withDefaults returns the options with defaults. Its error names all problems.
func (o Options) withDefaults() (Options, error) {
	o.URL = strings.TrimSuffix(o.URL, "/")
	o.AccessTTL = cmp.Or(o.AccessTTL, 15*time.Minute)
	o.ClockLeeway = cmp.Or(o.ClockLeeway, 30*time.Second)
	o.MaxStale = cmp.Or(o.MaxStale, time.Minute)
	o.WhenStale = cmp.Or(o.WhenStale, Refuse)
	o.MaxEvents = cmp.Or(o.MaxEvents, 1_000_000)
	o.Logger = cmp.Or(o.Logger, slog.New(slog.DiscardHandler))
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.After == nil {
		o.After = time.After
	}
	own := http.Client{}
	if o.Client != nil {
		own = *o.Client
	}
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	o.Client = &own
	return o, o.check()
}

func (o Options) check() error {
	var problems []error
	if u, err := url.Parse(o.URL); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.Path != "" || u.RawQuery != "" {
		problems = append(problems, errors.New("URL must have the form https://auth.example.com"))
	}
	if o.APIKey == "" {
		problems = append(problems, errors.New("APIKey is missing"))
	}
	if o.AccessTTL < 0 || o.ClockLeeway < 0 || o.MaxEvents < 0 {
		problems = append(problems, errors.New("AccessTTL, ClockLeeway and MaxEvents must not be negative"))
	}
	if o.MaxStale < minStale {
		problems = append(problems, fmt.Errorf("MaxStale must be at least %v", minStale))
	}
	if o.WhenStale != Refuse && o.WhenStale != Introspect {
		problems = append(problems, fmt.Errorf("WhenStale must be %s or %s", Refuse, Introspect))
	}
	if o.Client.Timeout != 0 {
		problems = append(problems, errors.New("Client.Timeout must be zero: it would end the stream of the blacklist"))
	}
	if err := errors.Join(problems...); err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	return nil
}
