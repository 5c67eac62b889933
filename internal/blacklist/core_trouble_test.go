package blacklist_test

import (
	"fmt"
	"testing"
	"time"

	"rekey/internal/auth"
	"rekey/internal/blacklist"
	"rekey/internal/redispool"
	"rekey/internal/test/throwaway"
)

// failure is the core with a Redis that fails.
type failure struct {
	*coreStage
	server *throwaway.RedisServer
	proxy  *throwaway.Proxy
}

func openTrouble(t testing.TB, o redispool.Options, redisArgs ...string) failure {
	t.Helper()
	tr := failure{server: throwaway.Redis(t, redisArgs...)}
	tr.proxy = throwaway.NewProxy(t, tr.server.Addr())
	tr.coreStage = openCore(t, func(s *stage) *blacklist.Cache { return openPool(t, s, "redis://"+tr.proxy.Addr(), o) })
	return tr
}

func (tr failure) do(t *testing.T, args ...any) {
	t.Helper()
	do(t, raw(t, tr.server.Addr()), args...)
}

// TestAccessCheck_Trouble lets Redis fail in each way. A live session remains valid,
// because SQL is asked. A session that was logged out before the failure, which may
// lose its entry, or during it, is refused.
func TestAccessCheck_Trouble(t *testing.T) {
	t.Parallel()
	for name, is := range map[string]struct {
		begin func(t *testing.T, tr failure)
		end   func(t *testing.T, tr failure)
	}{
		"empty":     {func(t *testing.T, tr failure) { tr.do(t, "FLUSHALL") }, nil},
		"restarted": {func(_ *testing.T, tr failure) { tr.server.Restart() }, nil},
		"stale":     {restartFromDump, nil},
		"evicting": {evict, func(t *testing.T, tr failure) {
			tr.do(t, "CONFIG", "SET", "maxmemory", 0)
			tr.do(t, "CONFIG", "SET", "maxmemory-policy", "noeviction")
		}},
		"slow": {
			func(_ *testing.T, tr failure) { tr.proxy.Delay(2 * brisk) },
			func(_ *testing.T, tr failure) { tr.proxy.Delay(0) }},
		"partitioned": {
			func(_ *testing.T, tr failure) { tr.proxy.Hang(true) },
			func(_ *testing.T, tr failure) { tr.proxy.Hang(false); tr.proxy.Cut() }},
		"gone": {
			func(_ *testing.T, tr failure) { tr.server.Kill() },
			func(_ *testing.T, tr failure) { tr.server.Restart() }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tr := openTrouble(t, redispool.Options{Timeout: brisk, OpenFor: time.Millisecond})
			tr.do(t, "SAVE") // what "stale" starts from: markers, and no entry yet
			live, before, amid := tr.signUp(t), tr.signUp(t), tr.signUp(t)
			tr.logout(t, before)
			is.begin(t, tr)
			for range 5 {
				if tr.asked(func() { tr.check(t, live) }) == 0 {
					t.Error("SQL was not asked")
				}
				tr.refused(t, before)
				if amid.AccessToken != "" {
					tr.logout(t, amid)
				}
				tr.refused(t, amid)
				amid = tr.signUp(t)
				tr.later(t, tr.cache, time.Second)
			}
			if is.end != nil {
				is.end(t, tr)
			}
			later := tr.awaitCleared(t)
			tr.refused(t, before)
			tr.logout(t, later)
			tr.refused(t, later)
		})
	}
}

// brisk is the timeout of a check where tests use one. On a machine that is too busy
// for it, SQL is asked, as in the failure.
const brisk = 200 * time.Millisecond

func restartFromDump(t *testing.T, tr failure) {
	tr.server.Kill()
	if err := tr.server.Start(); err != nil {
		t.Fatal(err)
	}
	if n := raw(t, tr.server.Addr()).DBSize(t.Context()).Val(); n == 0 {
		t.Fatal("nothing was restored: Redis is not stale but empty")
	}
}

// evict makes memory so short that entries and markers are dropped.
func evict(t *testing.T, tr failure) {
	tr.do(t, "CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
	tr.do(t, "CONFIG", "SET", "maxmemory", 1)
	client := raw(t, tr.server.Addr())
	for i := 0; client.DBSize(t.Context()).Val() > 0; i++ {
		_ = client.Set(t.Context(), fmt.Sprint("filler", i), "", 0).Err() // refused in the end
	}
}

// TestAccessCheck_Breaker: a Redis that hangs costs three checks their wait, and
// all the others nothing.
func TestAccessCheck_Breaker(t *testing.T) {
	t.Parallel()
	tr := openTrouble(t, redispool.Options{Timeout: brisk, OpenFor: time.Hour})
	g := tr.signUp(t)
	tr.check(t, g)
	tr.proxy.Hang(true)
	for range 3 {
		tr.check(t, g)
	}
	sent := tr.proxy.Requests()
	if n := tr.asked(func() {
		for range checks {
			tr.check(t, g)
		}
	}); n < checks {
		t.Errorf("SQL was asked %d times for %d checks", n, checks)
	}
	if n := tr.proxy.Requests() - sent; n > 3 { // those may still have been on their way
		t.Errorf("%d looks went to a Redis that hangs", n)
	}
	if n := tr.cache.Counts()[blacklist.AskedUnanswered]; n < checks {
		t.Errorf("%d looks counted as unanswered, want at least %d", n, checks)
	}
	tr.proxy.Hang(false)
	tr.refusedAfterLogout(t, g) // nothing is cleared while the breaker is open
}

func (h *coreStage) refusedAfterLogout(t *testing.T, g auth.Grant) {
	t.Helper()
	h.logout(t, g)
	h.refused(t, g)
}

// TestNote_Hang: a Redis that hangs holds up one change, for as long as writing
// may take; the note then says none, and once all have read that the next ones
// go on at once. A machine that is busy gets three tries.
func TestNote_Hang(t *testing.T) {
	t.Parallel()
	tr := openTrouble(t, redispool.Options{Timeout: brisk, OpenFor: time.Millisecond})
	took := time.Hour
	for range 3 {
		tr.awaitCleared(t) // the node is named
		tr.proxy.Hang(true)
		start := time.Now()
		tr.refusedAfterLogout(t, tr.signUp(t))
		took = time.Since(start)
		if nodes := tr.named(t); len(nodes) > 0 {
			t.Errorf("our note still names %v", nodes)
		}
		if took <= 20*brisk {
			break
		}
		tr.proxy.Hang(false)
	}
	if took > 20*brisk {
		t.Errorf("the first change took %v", took)
	}
	tr.clock.Advance(3 * time.Second)
	sent := tr.proxy.Requests()
	for range 20 {
		tr.refusedAfterLogout(t, tr.signUp(t))
	}
	if n := tr.proxy.Requests() - sent; n > 3 { // those may still have been on their way
		t.Errorf("%d entries were sent to a Redis that hangs", n)
	}
}

// TestRound_Late: a node that answers too late for looks, but in time to be
// written to, is named for three rounds: then writers wait no longer.
func TestRound_Late(t *testing.T) {
	t.Parallel()
	const late = time.Second // and ten times as much is too late for writers
	tr := openTrouble(t, redispool.Options{Timeout: late, OpenFor: time.Millisecond})
	tr.awaitCleared(t)
	tr.proxy.Delay(late + brisk)
	for range 3 {
		if nodes := tr.named(t); len(nodes) != 1 {
			t.Errorf("our note names %v before the third round", nodes)
		}
		tr.later(t, tr.cache, time.Second)
	}
	if nodes := tr.named(t); len(nodes) > 0 {
		t.Errorf("our note still names %v", nodes)
	}
	if tr.cache.Status().Trusted {
		t.Error("still trusted")
	}
	tr.proxy.Delay(0)
	tr.awaitCleared(t)
}
