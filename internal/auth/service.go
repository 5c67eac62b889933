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
	// Now is the clock, read once an operation.
	Now func() time.Time
	// RotationKeys returns the keys that derive the next secret from the
	// presented one: the first is current, the others only find what they once
	// derived, here or elsewhere. There is always one, of 32 bytes or more.
	RotationKeys func() [][]byte
}

// Service is the core: every use case of rekey. It is safe for concurrent use.
type Service struct {
	Options
	clockAstray atomic.Bool
	unknown     unknownSwaps
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
	return &Service{Options: o}, nil
}

// CheckClock compares this process's clock with the database's. While they
// are more than ClockLeeway (at least a second) apart it returns an error, and
// all token work answers CodeUnavailable: a clock astray would tell live
// tokens that they have expired.
func (s *Service) CheckClock(ctx context.Context) error {
	before := s.Now()
	db, err := s.Store.Now(ctx)
	if err != nil {
		return fmt.Errorf("reading the database's clock: %w", err)
	}
	off := clockDistance(before, s.Now(), db)
	astray := off > max(s.ClockLeeway, time.Second)
	s.clockAstray.Store(astray)
	if astray {
		return &Error{Code: CodeUnavailable, Message: fmt.Sprintf("clock is %s off the database's", off.Round(time.Millisecond))}
	}
	return nil
}

// WatchClock checks the clock now and again until ctx ends. It logs when the
// clock goes astray and when it is right again; trouble with the database is
// told by whoever needs it.
func (s *Service) WatchClock(ctx context.Context, every time.Duration, log *slog.Logger) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		before := s.clockAstray.Load()
		err := s.CheckClock(ctx)
		switch after := s.clockAstray.Load(); {
		case after && !before:
			log.ErrorContext(ctx, "clock is astray, token work answers unavailable", "reason", err)
		case before && !after:
			log.InfoContext(ctx, "clock is right again")
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// clockDistance is how far db lies outside of [before, after].
func clockDistance(before, after, db time.Time) time.Duration {
	switch {
	case db.Before(before):
		return before.Sub(db)
	case db.After(after):
		return db.Sub(after)
	}
	return 0
}

// start is called first by all token work: it reads the clock, once.
func (s *Service) start() (time.Time, error) {
	if s.clockAstray.Load() {
		return time.Time{}, Unavailable(errors.New("this replica's clock is off the database's"))
	}
	return s.Now(), nil
}
