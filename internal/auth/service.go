package auth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"
)

// ReuseAction says what the replay of an old refresh token does.
type ReuseAction string

// The actions on reuse.
const (
	// ReuseRevoke ends the session (RFC 9700 section 4.14.2). The default.
	ReuseRevoke ReuseAction = "revoke"
	// ReuseReject refuses and records, and ends nothing: what the legacy
	// service did, and a dry run for operators.
	ReuseReject ReuseAction = "reject"
)

// Settings are the durations and choices of the use cases.
type Settings struct {
	AccessTTL     time.Duration // life of an access token
	RefreshTTL    time.Duration // life of a refresh token: the idle expiry
	SessionTTL    time.Duration // absolute life of a session
	ReuseWindow   time.Duration // after a rotation: its parent is a race, not theft
	RefreshGrace  time.Duration // after a rotation: its parent gets the same pair without a key
	RetryTTL      time.Duration // after a rotation: its parent gets the same pair with its key
	AccessOverlap time.Duration // after a rotation: the old access token still works
	ClockLeeway   time.Duration // how far clocks may be apart
	ReuseAction   ReuseAction
	MaxSessions   int // of one user; 0: without a bound
}

// Options are what New needs. All fields are required, except Observer and
// Logger.
type Options struct {
	Settings
	Store     Store
	Tokens    Tokens
	Blacklist Blacklist
	Limiter   Limiter
	Events    Events
	Passwords *Passwords
	Observer  Observer
	// Logger receives failures that are not returned to a caller, with their
	// cause. Without it they are discarded.
	Logger *slog.Logger
	// Now is the clock. Every operation reads it once, and again after it has
	// waited for something other than its statements.
	Now func() time.Time
	// RotationKeys returns the keys that derive the next secret from the
	// presented one. The first one derives new secrets. The others only find
	// secrets that were derived with them earlier, by this replica or another.
	// There is at least one, and each has at least 32 bytes.
	RotationKeys func() [][]byte
}

// Service is the core. It has one method for each use case of rekey, and no
// exported field, so that no caller can bypass a rule. It is safe for
// concurrent use.
type Service struct {
	settings     Settings
	store        Store
	tokens       Tokens
	cache        Blacklist
	limiter      Limiter
	events       Events
	passwords    *Passwords
	observer     Observer
	logger       *slog.Logger
	now          func() time.Time
	rotationKeys func() [][]byte

	clockSkewed    atomic.Bool
	unacknowledged unacknowledgedSwaps
}

// FixedKeys returns rotation keys that never change.
func FixedKeys(keys ...[]byte) func() [][]byte { return func() [][]byte { return keys } }

// New returns a Service. Its error names all required options that are missing.
func New(o Options) (*Service, error) {
	var errs []error
	for name, missing := range map[string]bool{
		"store": o.Store == nil, "tokens": o.Tokens == nil, "blacklist": o.Blacklist == nil,
		"limiter": o.Limiter == nil, "events": o.Events == nil, "passwords": o.Passwords == nil,
		"clock": o.Now == nil, "rotation keys": o.RotationKeys == nil,
	} {
		if missing {
			errs = append(errs, fmt.Errorf("core: no %s", name))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Service{
		settings: o.Settings, store: o.Store, tokens: o.Tokens, cache: o.Blacklist, limiter: o.Limiter,
		events: o.Events, passwords: o.Passwords, observer: o.Observer, logger: o.Logger,
		now: o.Now, rotationKeys: o.RotationKeys,
	}, nil
}

// Now returns the time of the core's clock.
func (s *Service) Now() time.Time { return s.now() }

// warn logs a failure that is not returned to the caller.
func (s *Service) warn(ctx context.Context, message string, err error) {
	s.logger.WarnContext(ctx, message, "error", Cause(err))
}
