package verify

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// WhenStale is what happens to a token that is good as far as is known, when
// nothing was heard of rekey for MaxStale.
type WhenStale string

// The choices.
const (
	// Refuse answers ErrUnavailable. The default.
	Refuse WhenStale = "refuse"
	// Introspect asks rekey about the token (RFC 7662), and answers
	// ErrUnavailable if that does not answer either. The API key needs the
	// scope tokens:introspect, too.
	Introspect WhenStale = "introspect"
)

// Options are what a Verifier is made of. URL and APIKey must be set.
type Options struct {
	// URL is where rekey answers, without a path, such as https://auth.example.com.
	URL string
	// APIKey has the scope blacklist:read.
	APIKey string
	// Issuer and Audience are what tokens must name; empty: that is not looked at.
	Issuer, Audience string

	// AccessTTL is how long an access token lives at most: rekey's ACCESS_TTL,
	// or more. Tokens are refused when they are older. Default 15 minutes.
	AccessTTL time.Duration
	// ClockLeeway is how far this clock and rekey's may be apart. exp has no
	// leeway. Default 30 s.
	ClockLeeway time.Duration
	// MaxStale is how long tokens are accepted without news of rekey, and
	// published keys after they have become too old. At least 45 s, since
	// heartbeats come every 15 s and two may be missed. Default 1 minute.
	MaxStale  time.Duration
	WhenStale WhenStale
	// MaxEvents bounds how much of the blacklist is kept, some 300 bytes each.
	// Beyond it nothing is forgotten: the blacklist counts as stale. Default 1 million.
	MaxEvents int

	// Client sends the requests; its Timeout must be zero, and it follows no
	// redirects. Default: one of its own.
	Client *http.Client
	Logger *slog.Logger // default: none
	// Now and After are the clock. Default: the real one.
	Now   func() time.Time
	After func(time.Duration) <-chan time.Time
}

const minStale = 45 * time.Second

// withDefaults also checks them; its error names all problems.
func (o Options) withDefaults() (Options, error) {
	o.URL = strings.TrimSuffix(o.URL, "/")
	o.AccessTTL = orElse(o.AccessTTL, 15*time.Minute)
	o.ClockLeeway = orElse(o.ClockLeeway, 30*time.Second)
	o.MaxStale = orElse(o.MaxStale, time.Minute)
	o.WhenStale = orElse(o.WhenStale, Refuse)
	o.MaxEvents = orElse(o.MaxEvents, 1_000_000)
	o.Logger = orElse(o.Logger, slog.New(slog.DiscardHandler))
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

func orElse[T comparable](value, fallback T) T {
	var zero T
	if value == zero {
		return fallback
	}
	return value
}

func (o Options) check() error {
	var problems []error
	if u, err := url.Parse(o.URL); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.Path != "" || u.RawQuery != "" {
		problems = append(problems, errors.New("URL must be as https://auth.example.com"))
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
		problems = append(problems, errors.New("the client's Timeout would cut the stream of the blacklist: it must be zero"))
	}
	if err := errors.Join(problems...); err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	return nil
}
