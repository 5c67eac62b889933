package auth

import (
	"context"
	"errors"
	"testing"
	"time"
)

// expiredTokens finds every token expired.
type expiredTokens struct{ Tokens }

func (expiredTokens) Verify(TokenUse, string, time.Time) (Claims, error) {
	return Claims{}, InvalidToken(TokenFailure{Fault: FaultExpired, ExpiredBy: time.Hour})
}

// clockStore is a store of which only the clock is asked.
type clockStore struct {
	Store
	now   time.Time
	err   error
	asked int
}

func (s *clockStore) Now(context.Context) (time.Time, error) {
	s.asked++
	return s.now, s.err
}

// TestLimits_expired: anybody can send an expired token, so its address is counted
// before the database's clock is read. A client that is limited, or that calls while
// the clock is not trusted, does not learn that the token has expired.
func TestLimits_expired(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	for name, tt := range map[string]struct {
		store clockStore
		told  Code
	}{
		"the clock is right":     {clockStore{now: now}, CodeUnauthenticated},
		"the clock is skewed":    {clockStore{now: now.Add(-time.Hour)}, CodeUnavailable},
		"the database is silent": {clockStore{err: errors.New("away")}, CodeUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			core := &Service{
				store: &tt.store, tokens: expiredTokens{}, observer: Observers{}, now: func() time.Time { return now },
				limiter: counted{most: map[string]int{"address": 3}, seen: map[string]int{}},
				limits:  DefaultLimits(),
			}
			calls := map[string]func(Client) error{
				"refresh": func(c Client) error { _, err := core.Refresh(t.Context(), RefreshInput{Token: "old"}, c); return err },
				"guard":   func(c Client) error { return core.CheckRefreshToken(t.Context(), "old", c) },
				"access":  func(c Client) error { _, err := core.Authenticate(t.Context(), "old", c); return err },
			}
			for name, call := range calls {
				tt.store.asked = 0
				for i := range 10 {
					core.clockSkewed.Store(false) // as before a clock jumps
					want := tt.told
					if i >= 3 {
						want = CodeRateLimited
					}
					if err := call(Client{Address: name}); AsError(err).Code != want {
						t.Errorf("%s %d: %v, want %s", name, i+1, err, want)
					}
				}
				if tt.store.asked != 3 {
					t.Errorf("%s: the database is asked %d times", name, tt.store.asked)
				}
			}
		})
	}
}

// TestLimits: each limit has a name of its own, and is complete.
func TestLimits(t *testing.T) {
	names := map[string]bool{}
	for _, l := range DefaultLimits() {
		if l.Name == "" || l.Counts == "" || l.By == "" && l.Name != "journal" && l.Name != "mail" || names[l.Name] || l.Rate <= 0 || l.Burst <= 0 {
			t.Errorf("a limit is incomplete, or there twice: %+v", l)
		}
		names[l.Name] = true
	}
}

// TestLimits_changed: the service and the API keys count by the table that they
// get.
func TestLimits_changed(t *testing.T) {
	table := DefaultLimits()
	for i := range table {
		table[i].Rate, table[i].Burst = 7, 9
	}
	seen := seenLimits{}
	core := &Service{tokens: expiredTokens{}, limiter: seen, limits: table}
	_ = core.Admit(t.Context(), Client{})
	_ = core.countFailure(t.Context(), Client{}, nil)
	_ = core.allowAttempt(t.Context(), "ada@example.com", time.Time{}, Client{})
	core.inSample(t.Context(), limitJournalSubject, "", Client{})
	keys := NewAPIKeys(APIKeyOptions{Limiter: seen, Limits: table, Now: time.Now})
	_ = keys.refuse(t.Context(), Client{}, "")
	if len(seen) != 8 {
		t.Errorf("%d limits were checked: %v", len(seen), seen)
	}
	for name, l := range seen {
		if l.Rate != 7 || l.Burst != 9 {
			t.Errorf("%s is not changed: %+v", name, l)
		}
	}
}

// seenLimits records the limits that were checked, by their names.
type seenLimits map[string]Limit

func (s seenLimits) Allow(_ context.Context, checks ...Check) Refusal {
	for _, c := range checks {
		s[c.Limit.Name] = c.Limit
	}
	return Refusal{}
}

func TestLimit_RateText(t *testing.T) {
	for rate, want := range map[float64]string{
		10: "10/s", 0.2: "12/min", 1. / 300: "12/h", 0.1: "6/min", 1. / 3600: "1/h", 7. / 3600: "7/h", 7. / 60: "7/min",
		2.5: "150/min", 1. / 7: "12342.857/d", 10. / 86400: "10/d", 100_000: "100000/s",
	} {
		if got := (Limit{Rate: rate}).RateText(); got != want {
			t.Errorf("%g: %s, want %s", rate, got, want)
		}
	}
}
