package blacklisttest

import (
	"context"
	"testing"
	"time"

	"rekey/internal/auth"
)

// Cache lists the methods that the suites test.
type Cache interface {
	auth.Blacklist
	// Put writes entries, and Invalidated looks for them, without regard to trust.
	Put(ctx context.Context, invalidations ...auth.Invalidation) error
	Invalidated(ctx context.Context, sessionID string, secret auth.SecretHash) (bool, error)
	// Round and Join write our note and read the others'.
	Round(ctx context.Context) error
	Join(ctx context.Context) error
}

// Entries is a cache for [RunEntries].
type Entries struct {
	Cache  Cache
	Now    func() time.Time
	Leeway time.Duration // the cache's clock leeway
	// Pass lets the cache believe that time has passed.
	Pass func(t *testing.T, d time.Duration)
}

// The sessions and secrets of the suites.
const (
	session = "0190a0c4-2f64-7b7e-9a53-3f0d6a0f5f10"
	another = "0190a0c4-2f64-7b7e-9a53-3f0d6a0f5f11"
)

func secret() auth.SecretHash  { return auth.HashSecret("one") }
func sibling() auth.SecretHash { return auth.HashSecret("two") }

// RunEntries checks what an entry covers and how long it stays. open makes an
// empty cache.
func RunEntries(t *testing.T, open func(t *testing.T) Entries) {
	one := secret()
	t.Run("nothing is invalidated at first", func(t *testing.T) {
		e := open(t)
		e.want(t, session, one, false)
	})
	t.Run("a session's invalidation covers all its secrets and no other session", func(t *testing.T) {
		e := open(t)
		e.put(t, auth.Invalidation{SessionID: session, Until: e.Now().Add(time.Minute)})
		e.want(t, session, one, true)
		e.want(t, session, sibling(), true)
		e.want(t, another, one, false)
	})
	t.Run("a secret's invalidation covers that secret in that session", func(t *testing.T) {
		e := open(t)
		e.put(t, auth.Invalidation{SessionID: session, Secret: &one, Until: e.Now().Add(time.Minute)})
		e.want(t, session, one, true)
		e.want(t, session, sibling(), false)
		e.want(t, another, one, false)
	})
	t.Run("several at once", func(t *testing.T) {
		e := open(t)
		e.put(t, auth.Invalidation{SessionID: session, Secret: &one, Until: e.Now().Add(time.Minute)},
			auth.Invalidation{SessionID: another, Until: e.Now().Add(time.Minute)})
		e.want(t, session, one, true)
		e.want(t, another, one, true)
	})
	runExpiry(t, open)
}

func runExpiry(t *testing.T, open func(t *testing.T) Entries) {
	one := secret()
	t.Run("an entry outlives its tokens by the leeways of writer and reader", func(t *testing.T) {
		e := open(t)
		e.put(t, auth.Invalidation{SessionID: session, Secret: &one, Until: e.Now().Add(time.Minute)})
		e.Pass(t, time.Minute+e.Leeway+e.Leeway/2) // where time goes on by itself, the rest must be long
		e.want(t, session, one, true)
		e.Pass(t, e.Leeway/2)
		e.want(t, session, one, false)
	})
	t.Run("a shorter invalidation does not shorten a longer one", func(t *testing.T) {
		e := open(t)
		e.put(t, auth.Invalidation{SessionID: session, Until: e.Now().Add(time.Hour)})
		e.put(t, auth.Invalidation{SessionID: session, Until: e.Now().Add(time.Minute)})
		e.Pass(t, 30*time.Minute)
		e.want(t, session, one, true)
	})
	t.Run("a longer invalidation prolongs a shorter one", func(t *testing.T) {
		e := open(t)
		e.put(t, auth.Invalidation{SessionID: session, Until: e.Now().Add(time.Minute)})
		e.put(t, auth.Invalidation{SessionID: session, Until: e.Now().Add(time.Hour)})
		e.Pass(t, 30*time.Minute)
		e.want(t, session, one, true)
	})
	t.Run("nothing is written for tokens that have ended", func(t *testing.T) {
		e := open(t)
		e.put(t, auth.Invalidation{SessionID: session, Until: e.Now().Add(-2 * e.Leeway)})
		e.want(t, session, one, false)
	})
	t.Run("an entry lives a second at least", func(t *testing.T) {
		e := open(t)
		for range 20 { // a machine that is busy may look later than in that second
			e.put(t, auth.Invalidation{SessionID: session, Until: e.Now().Add(time.Millisecond - 2*e.Leeway)})
			e.Pass(t, 500*time.Millisecond)
			if e.invalidated(t, session, one) {
				return
			}
		}
		t.Error("it lives shorter")
	})
}

func (e Entries) put(t *testing.T, invalidations ...auth.Invalidation) {
	t.Helper()
	if err := e.Cache.Put(t.Context(), invalidations...); err != nil {
		t.Fatalf("Put: %v", err)
	}
}

func (e Entries) want(t *testing.T, sessionID string, s auth.SecretHash, want bool) {
	t.Helper()
	if got := e.invalidated(t, sessionID, s); got != want {
		t.Errorf("Invalidated(%s) = %v, want %v", sessionID, got, want)
	}
}

func (e Entries) invalidated(t *testing.T, sessionID string, s auth.SecretHash) bool {
	t.Helper()
	got, err := e.Cache.Invalidated(t.Context(), sessionID, s)
	if err != nil {
		t.Fatalf("Invalidated: %v", err)
	}
	return got
}
