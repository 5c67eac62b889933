package blacklist_test

import (
	"log/slog"
	"sync"
	"testing"
	"time"

	"rekey/internal/auth"
	"rekey/internal/blacklist"
	"rekey/internal/blacklist/blacklisttest"
	"rekey/internal/test/logcheck"
)

var (
	_ auth.Blacklist      = (*blacklist.Cache)(nil)
	_ blacklisttest.Cache = (*blacklist.Cache)(nil)
)

const (
	session  = "0190a0c4-2f64-7b7e-9a53-3f0d6a0f5f10"
	leeway   = 5 * time.Second
	lifetime = 15 * time.Minute
	// margin is two leeways, ten seconds for a change to commit and two for a round.
	margin = 2*leeway + 12*time.Second
)

// stage holds the surroundings of a cache under test.
type stage struct {
	clock *blacklisttest.Clock
	notes *blacklisttest.Notes
	log   *logcheck.Text

	leeway time.Duration

	mu    sync.Mutex
	waits int
}

func newStage(t testing.TB) *stage {
	clock := &blacklisttest.Clock{}
	log := &logcheck.Text{}
	t.Cleanup(func() { logcheck.Check(t, log.String()) })
	return &stage{clock: clock, notes: blacklisttest.NewNotes(clock), log: log, leeway: leeway}
}

// newEntryStage has entries live for long after their tokens: the clock of a
// real Redis goes on, however slow the machine is.
func newEntryStage(t testing.TB) *stage {
	s := newStage(t)
	s.leeway = time.Hour
	return s
}

func (s *stage) options() blacklist.Options {
	return blacklist.Options{
		Notes:          s.notes,
		Now:            s.clock.Now,
		After:          s.after,
		Logger:         slog.New(slog.NewTextHandler(s.log, nil)),
		AccessLifetime: lifetime,
		ClockLeeway:    s.leeway,
		RoundTimeout:   patient,
	}
}

// after lets the time pass at once.
func (s *stage) after(d time.Duration) <-chan time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waits++
	s.clock.Advance(d)
	c := make(chan time.Time, 1)
	c <- s.clock.Now()
	return c
}

func (s *stage) waited() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.waits
}

// trust makes a harness of a cache on this stage.
func (s *stage) trust(c *blacklist.Cache, forget func(*testing.T)) blacklisttest.Trust {
	return blacklisttest.Trust{
		Cache: c, Clock: s.clock, Notes: s.notes,
		Margin: margin, AccessLifetime: lifetime, Forget: forget, Waits: s.waited,
	}
}

// settle joins and lets so much time pass that tokens of now are clear.
func (s *stage) settle(t *testing.T, c *blacklist.Cache) {
	t.Helper()
	if err := c.Join(t.Context()); err != nil {
		t.Fatalf("Join: %v", err)
	}
	s.later(t, c, margin+time.Second)
	wantKnownValid(t, c, s.clock.Now(), true)
}

// later lets time pass and makes a round after it.
func (s *stage) later(t testing.TB, c *blacklist.Cache, d time.Duration) {
	t.Helper()
	s.clock.Advance(d)
	if err := c.Round(t.Context()); err != nil {
		t.Fatalf("Round: %v", err)
	}
}

func (s *stage) invalidation() auth.Invalidation {
	return auth.Invalidation{SessionID: session, Until: s.clock.Now().Add(lifetime)}
}

func wantKnownValid(t *testing.T, c *blacklist.Cache, issuedAt time.Time, want bool) {
	t.Helper()
	if got := c.KnownValid(t.Context(), session, auth.HashSecret("one"), issuedAt); got != want {
		t.Errorf("KnownValid = %v, want %v (%+v)", got, want, c.Status())
	}
}

// wantKnownValidSibling is wantKnownValid for a session of the same bucket without
// invalidations: only a missing trusted node or marker makes it unknown.
func wantKnownValidSibling(t *testing.T, c *blacklist.Cache, issuedAt time.Time, want bool) {
	t.Helper()
	if got := c.KnownValid(t.Context(), sibling(t), auth.HashSecret("one"), issuedAt); got != want {
		t.Errorf("KnownValid of a session without invalidations = %v, want %v (%+v)", got, want, c.Status())
	}
}

func wantUnavailable(t *testing.T, err error) {
	t.Helper()
	if err == nil || auth.AsError(err).Code != auth.CodeUnavailable {
		t.Errorf("error %v, want %s", err, auth.CodeUnavailable)
	}
}

func mustInvalidate(t *testing.T, c *blacklist.Cache, d auth.Invalidation) {
	t.Helper()
	if err := c.Invalidate(t.Context(), d); err != nil {
		t.Fatalf("Invalidate: %v", err)
	}
}
