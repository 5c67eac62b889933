package blacklist_test

import (
	"testing"
	"time"

	"rekey/internal/auth"
	"rekey/internal/blacklist"
	"rekey/internal/redispool"
	"rekey/internal/test/throwaway"
)

// TestRedis_DifferentLives: a replica that lets access tokens live longer than
// the writer of an entry knows does not take its end for the end of the invalidation.
func TestRedis_DifferentLives(t *testing.T) {
	server := throwaway.Redis(t)
	s := newStage(t)
	long := openRedis(t, s, server.URL())
	s.settle(t, long)
	issued := s.clock.Now()

	o := s.options()
	o.AccessLifetime = 2 * time.Second
	pool, err := redispool.Open(redispool.Options{URL: server.URL(), Logger: o.Logger, Timeout: patient, OpenFor: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Close() })
	o.Redis = pool
	short := blacklist.NewRedis(o)
	if err := short.Join(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.later(t, long, 0)
	mustInvalidate(t, short, auth.Invalidation{SessionID: session, Until: s.clock.Now().Add(2 * time.Second)})
	do(t, raw(t, server.Addr()), "EVAL", "for _, k in ipairs(redis.call('KEYS', '*:s:*')) do redis.call('DEL', k) end return 1", 0) // it ended
	wantKnownValid(t, long, issued, false)
	s.later(t, long, 10*time.Second) // the other one is gone
	wantKnownValid(t, long, issued, false)
	s.later(t, long, margin+time.Second)
	wantKnownValid(t, long, issued, false)
	s.later(t, long, time.Second)
	wantKnownValid(t, long, s.clock.Now(), true)
}
