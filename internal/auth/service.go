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

// Options are what a Service needs.
type Options struct {
	Settings
	Store     Store
	Tokens    Tokens
	Blacklist Blacklist
	Limiter   Limiter
	Events    Events
	Passwords *Passwords
	// Observer may be nil.
	Observer Observer
	// Logger is told of trouble that no caller is told of, with its cause. Nil
	// discards.
	Logger *slog.Logger
	// Now is the clock, read once an operation, and again once it has waited for
	// something other than its statements.
	Now func() time.Time
	// RotationKeys returns the keys that derive the next secret from the
	// presented one: the first is current, the others only find what they once
	// derived, here or elsewhere. There is always one, of 32 bytes or more.
	RotationKeys func() [][]byte
}

// Service is the core: every use case of rekey. It is safe for concurrent use.
type Service struct {
	Options
	clockSkewed    atomic.Bool
	unacknowledged unacknowledgedSwaps
}

// warn logs trouble that is not returned to anybody.
func (s *Service) warn(ctx context.Context, what string, err error) {
	s.Logger.WarnContext(ctx, what, "error", Cause(err))
}

// FixedKeys are rotation keys that never change.
func FixedKeys(keys ...[]byte) func() [][]byte { return func() [][]byte { return keys } }

// New returns a Service. It fails when something is missing, naming all of it.
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
	return &Service{Options: o}, nil
}
