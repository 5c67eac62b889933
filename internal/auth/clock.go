package auth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// errClockSkewed is returned for all token operations while this replica's
// clock differs too much from the database's.
var errClockSkewed = errors.New("this replica's clock differs too much from the database's")

// begin starts a use case: it reports the step to the observer and reads the
// clock, once. Its error is CodeUnavailable while the clock is skewed. The
// caller defers end with the address of its error result, before it looks at
// the error of begin.
func (s *Service) begin(ctx context.Context, step Step, c Client) (_ context.Context, now time.Time, end func(*error), err error) {
	ctx, end = observe(ctx, s.observer, step, c)
	if s.clockSkewed.Load() {
		return ctx, time.Time{}, end, Unavailable(errClockSkewed)
	}
	return ctx, s.now(), end, nil
}

// Now returns the time of the core's clock.
func (s *Service) Now() time.Time { return s.now() }

// ClockSkewed reports whether the clock was skewed at its last check.
func (s *Service) ClockSkewed() bool { return s.clockSkewed.Load() }

// CheckClock compares the clock of this process with the database's. It returns
// an error if they differ by more than ClockLeeway, at least a second. From then
// on all token operations return CodeUnavailable, until a check succeeds: by a
// skewed clock, valid tokens would seem to have expired.
func (s *Service) CheckClock(ctx context.Context) error {
	before := s.now()
	db, err := s.store.Now(ctx)
	if err != nil {
		return fmt.Errorf("reading the database's clock: %w", err)
	}
	return s.judgeClock(clockReading{before, s.now(), db})
}

// clockReading is the database's clock as it was read between two readings of
// this process's clock.
type clockReading struct{ before, after, db time.Time }

// judgeClock is CheckClock with a given reading.
func (s *Service) judgeClock(r clockReading) error {
	off := ClockDistance(r.before, r.after, r.db)
	skewed := off > MaxClockDistance(s.settings.ClockLeeway)
	s.clockSkewed.Store(skewed)
	if skewed {
		return &Error{Code: CodeUnavailable, Message: fmt.Sprintf("clock is %s off the database's", off.Round(time.Millisecond))}
	}
	return nil
}

// unlessSkewed checks the clock before it returns the error of a token that
// did not verify. If the clock was the reason, and is skewed or cannot be
// checked, the result is CodeUnavailable: clients log people out if a valid
// token seems to have expired, and the regular checks are seconds apart.
func (s *Service) unlessSkewed(ctx context.Context, verifyErr error) error {
	e := AsError(verifyErr)
	if e.Token == nil || !e.Token.Fault.byClock() {
		return verifyErr
	}
	if err := s.CheckClock(ctx); err != nil {
		return Unavailable(err)
	}
	return verifyErr
}

// WatchClock checks the clock at the given interval until ctx ends. It logs
// when the clock becomes skewed, and when it is right again. It does not log
// that the database is unreachable: operations that need it do.
func (s *Service) WatchClock(ctx context.Context, every time.Duration, log *slog.Logger) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	logged := false // that the clock is skewed; token operations check the clock, too
	for {
		err := s.CheckClock(ctx)
		switch skewed := s.clockSkewed.Load(); {
		case skewed && !logged:
			log.ErrorContext(ctx, "clock skewed, all token operations answer unavailable; synchronize this host's clock", "error", err)
			logged = true
		case logged && !skewed:
			log.InfoContext(ctx, "clock right again")
			logged = false
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// MaxClockDistance returns how far the clock of a process may differ from the
// database's. The leeway for the times in tokens must not be smaller:
// otherwise a clock that counts as right would refuse valid tokens.
func MaxClockDistance(leeway time.Duration) time.Duration { return max(leeway, time.Second) }

// ClockDistance returns how far db, which was read between before and after,
// lies outside of [before, after].
func ClockDistance(before, after, db time.Time) time.Duration {
	switch {
	case db.Before(before):
		return before.Sub(db)
	case db.After(after):
		return db.Sub(after)
	}
	return 0
}
