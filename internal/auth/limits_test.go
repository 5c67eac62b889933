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
				limiter: counted{most: map[string]int{limits[limitAddress].Name: 3}, seen: map[string]int{}},
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
