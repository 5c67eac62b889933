package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rekey/internal/test/throwaway"
)

// eventually polls until a condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(patience)
	for !holds() {
		select {
		case <-time.After(50 * time.Millisecond):
		case <-deadline:
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// rotations returns how often TestKeys_rotation changes all keys.
// REKEY_ROTATIONS overrides the default.
func rotations(t *testing.T) int {
	text := os.Getenv("REKEY_ROTATIONS")
	if text == "" {
		return 2
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestKeys_rotation changes all keys repeatedly while clients use two replicas.
// Each client uses at one replica the token that the other one has just signed.
// No request fails, and services never see a key that they could not have
// fetched.
func TestKeys_rotation(t *testing.T) {
	url, master := throwaway.Postgres(t), randomKey(t)
	env := func() map[string]string {
		return map[string]string{
			"DATABASE_URL": url, "DATA_DIR": t.TempDir(), "MASTER_KEY": master, "JWKS_MAX_AGE": "1s", "KEY_LEAD": "0s",
			"RATE_LIMITS": "off", "LOG_LEVEL": "warn",
			"CLOCK_LEEWAY": "1s",
		}
	}
	bases := []string{start(t, env()).URL, start(t, env()).URL}
	load := newKeyLoad(t, bases)
	changed := 0
	for range rotations(t) {
		for _, k := range runKeys(t, env(), "rotate", "--json") {
			if k.Purpose == "access" {
				eventually(t, "the new key signs on both replicas", func() bool { return load.signs(k.KID) })
				changed++
			}
		}
	}
	load.stop()
	if want := rotations(t); changed != want || load.requests.Load() == 0 {
		t.Errorf("%d rotations, want %d; %d requests", changed, want, load.requests.Load())
	}
	t.Logf("%d rotations of all keys under %d requests, %d tokens checked against published keys; failed: %d",
		changed, load.requests.Load(), load.checked.Load(), load.failed.Load())
}

// keyLoad runs clients that refresh, and a service that checks tokens with the
// published keys alone.
type keyLoad struct {
	t        *testing.T
	c        *http.Client
	bases    []string
	requests atomic.Int64
	checked  atomic.Int64
	failed   atomic.Int64
	stop     func()

	mu   sync.Mutex
	last map[string]string // the kid of each replica's last signature

	set  map[string]bool // key ids that the service has, with the time until which it may use them
	good time.Time
}

const keyClients = 3

func newKeyLoad(t *testing.T, bases []string) *keyLoad {
	l := &keyLoad{t: t, c: httpClient(), bases: bases, last: map[string]string{}}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for i := range keyClients {
		mine := signUp(t, l.c, bases[0], fmt.Sprintf("client%d@example.com", i))
		wg.Go(func() { l.run(ctx, mine.Refresh, i == 0) })
	}
	l.stop = func() { cancel(); wg.Wait() }
	t.Cleanup(l.stop)
	return l
}

// run refreshes on one replica, and retries and checks on the other one, until
// ctx ends.
func (l *keyLoad) run(ctx context.Context, token string, check bool) {
	pace := time.NewTicker(50 * time.Millisecond)
	defer pace.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-pace.C:
		}
		here, there := l.bases[n%2], l.bases[(n+1)%2]
		next, err := l.turn(here, there, token, fmt.Sprintf("key-of-rotation-%d-%s", n, token[len(token)-16:]))
		if err == nil && check {
			err = l.check(next.Access)
		}
		if err != nil {
			l.failed.Add(1)
			l.t.Errorf("after %d requests: %v", l.requests.Load(), err)
			return
		}
		token = next.Refresh
	}
}

// turn rotates once, repeats the rotation, and checks the new token.
func (l *keyLoad) turn(here, there, token, key string) (answer, error) {
	next, err := refresh(l.c, restTransport, here, token, key)
	if err != nil || next.Problem != "" {
		return next, fmt.Errorf("refresh: %s %w", next.Problem, err)
	}
	l.signed(here, next.Access)
	again, err := refresh(l.c, graphqlTransport, there, token, key)
	if err != nil || again.Problem != "" {
		return again, fmt.Errorf("retry: %s %w", again.Problem, err)
	}
	l.signed(there, again.Access)
	var data struct{ Me struct{ Email string } }
	problem, _, err := graphql(l.c, there, next.Access, `{ me { email } }`, nil, &data)
	if err != nil || problem != "" {
		return next, fmt.Errorf("me: %s %w", problem, err)
	}
	l.requests.Add(3)
	return again, nil
}

func (l *keyLoad) signed(base, token string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last[base] = kidOf(l.t, token)
}

func (l *keyLoad) signs(kid string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failed.Load() > 0 || l.last[l.bases[0]] == kid && l.last[l.bases[1]] == kid
}

// check is a service that keeps the published keys for as long as it may and
// never fetches them earlier.
func (l *keyLoad) check(token string) error {
	now := time.Now()
	if !now.Before(l.good) {
		set, maxAge, err := published(l.c, l.bases[l.checked.Load()%2])
		if err != nil {
			return err
		}
		l.set, l.good = set, now.Add(maxAge)
	}
	l.checked.Add(1)
	if !l.set[kidOf(l.t, token)] {
		text, err := json.Marshal(l.set)
		return errors.Join(fmt.Errorf("a token by %s, which was not published in time: %s", kidOf(l.t, token), text), err)
	}
	return nil
}
