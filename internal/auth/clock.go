package auth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// errClockSkewed is why a replica answers no token work.
var errClockSkewed = errors.New("this replica's clock is off the database's")

// start is called first by all token work: it reads the clock, once.
func (s *Service) start() (time.Time, error) {
	if s.clockSkewed.Load() {
		return time.Time{}, Unavailable(errClockSkewed)
	}
	return s.now(), nil
}

// ClockSkewed reports what the last look at the clock came to.
func (s *Service) ClockSkewed() bool { return s.clockSkewed.Load() }

// CheckClock compares this process's clock with the database's. While they
// are more than ClockLeeway (at least a second) apart it returns an error, and
// all token work answers CodeUnavailable: a skewed clock would tell live
// tokens that they have expired.
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

// judgeClock is CheckClock with a reading that was taken already.
func (s *Service) judgeClock(r clockReading) error {
	off := ClockDistance(r.before, r.after, r.db)
	skewed := off > MaxClockDistance(s.settings.ClockLeeway)
	s.clockSkewed.Store(skewed)
	if skewed {
		return &Error{Code: CodeUnavailable, Message: fmt.Sprintf("clock is %s off the database's", off.Round(time.Millisecond))}
	}
	return nil
}

// unlessSkewed returns verifyErr, unless it is a verdict of this process's
// clock and that clock is skewed, or cannot be checked: the clock is looked at
// now and again only, and whoever is told that a live token has expired or is
// not valid yet signs its user out.
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

// WatchClock checks the clock now and again until ctx ends. It logs when the
// clock becomes skewed and when it is right again; trouble with the database is
// told by whoever needs it.
func (s *Service) WatchClock(ctx context.Context, every time.Duration, log *slog.Logger) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	skewed := false // as far as the log knows: token work looks at the clock, too
	for {
		err := s.CheckClock(ctx)
		switch now := s.clockSkewed.Load(); {
		case now && !skewed:
			log.ErrorContext(ctx, "clock is skewed, token work answers unavailable", "error", err)
			skewed = true
		case skewed && !now:
			log.InfoContext(ctx, "clock is right again")
			skewed = false
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// MaxClockDistance is how far a process's clock may be off the database's. Who
// sets a leeway for tokens must not set less, or a clock that counts as right
// refuses good tokens.
func MaxClockDistance(leeway time.Duration) time.Duration { return max(leeway, time.Second) }

// ClockDistance is how far db, read between before and after, lies outside of
// [before, after].
func ClockDistance(before, after, db time.Time) time.Duration {
	switch {
	case db.Before(before):
		return before.Sub(db)
	case db.After(after):
		return db.Sub(after)
	}
	return 0
}
