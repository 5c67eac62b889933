package auth

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"
)

// keysFake is a store of one key.
type keysFake struct {
	APIKeyStore
	broken error         // of TouchAPIKey
	gate   chan struct{} // what TouchAPIKey waits for; nil: nothing

	mu      sync.Mutex
	key     APIKey
	lookups int
	touched int
}

func (f *keysFake) CreateAPIKey(_ context.Context, k APIKey, _ *Event) error { f.key = k; return nil }

func (f *keysFake) APIKeyByPrefix(_ context.Context, prefix string) (APIKey, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lookups++
	if prefix != f.key.Prefix {
		return APIKey{}, ErrNotFound
	}
	return f.key, nil
}

func (f *keysFake) TouchAPIKey(ctx context.Context, _ string, at time.Time) error {
	if f.gate != nil {
		<-f.gate
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.touched++
	if f.broken != nil || ctx.Err() != nil {
		return errors.Join(f.broken, ctx.Err())
	}
	f.key.LastUsedAt = &at
	return nil
}

type unlimited struct{}

func (unlimited) Allow(context.Context, ...Check) Refusal { return Refusal{} }

// counted lets through so many of each limit and key, and never more.
type counted struct {
	most map[string]int // by the limit's name
	seen map[string]int
}

func (c counted) Allow(_ context.Context, checks ...Check) Refusal {
	for _, check := range checks {
		key := check.Limit.Name + " " + check.Key
		c.seen[key]++
		if most, ok := c.most[check.Limit.Name]; ok && c.seen[key] > most {
			return Refusal{check.Limit, time.Second}
		}
	}
	return Refusal{}
}

// keysStage is APIKeys on a fake, with one key, on a clock that tests move.
type keysStage struct {
	*APIKeys
	fake *keysFake
	key  string
	now  time.Time
	log  bytes.Buffer
}

func newKeysStage(t *testing.T, limiter Limiter) *keysStage {
	t.Helper()
	s := &keysStage{fake: &keysFake{}, now: time.Unix(1_000_000, 0)}
	s.APIKeys = NewAPIKeys(APIKeyOptions{
		Store: s.fake, Limiter: limiter, Now: func() time.Time { return s.now }, Logger: slog.New(slog.NewTextHandler(&s.log, nil)),
	})
	var err error
	if s.key, _, err = s.Create(t.Context(), " orders ", []Scope{ScopeBlacklistRead}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Wait)
	return s
}

func (s *keysStage) call(t *testing.T) {
	t.Helper()
	if _, err := s.AuthenticateCall(t.Context(), s.key, Client{Address: "192.0.2.1"}); err != nil {
		t.Fatal(err)
	}
}

// A use is noted at most once a minute.
func TestKeys_touch(t *testing.T) {
	s := newKeysStage(t, unlimited{})
	for range 90 {
		s.call(t)
		s.Wait()
		s.now = s.now.Add(time.Second)
	}
	if s.fake.touched != 2 {
		t.Errorf("noted %d times in 90 seconds", s.fake.touched)
	}
	for _, name := range []string{"", " ", "a\nb"} {
		if _, _, err := s.Create(t.Context(), name, Scopes()); AsError(err).Field != "name" {
			t.Errorf("name %q: %v", name, err)
		}
	}
}

// A call does not wait for its note, and of many one notes; it is noted though
// the call is over.
func TestKeys_touch_beside(t *testing.T) {
	s := newKeysStage(t, unlimited{})
	s.fake.gate = make(chan struct{})
	for range 10 {
		ctx, cancel := context.WithCancel(t.Context())
		if _, err := s.AuthenticateCall(ctx, s.key, Client{}); err != nil {
			t.Fatal(err)
		}
		cancel()
	}
	close(s.fake.gate)
	s.Wait()
	if s.fake.touched != 1 || s.fake.key.LastUsedAt == nil {
		t.Errorf("noted %d times, at %v", s.fake.touched, s.fake.key.LastUsedAt)
	}
}

// A use that cannot be recorded fails no call. The log reports it once a minute.
func TestKeys_touch_fails(t *testing.T) {
	s := newKeysStage(t, unlimited{})
	s.fake.broken = Unavailable(errors.New("read-only transaction"))
	for range 90 {
		s.call(t)
		s.Wait()
		s.now = s.now.Add(time.Second)
	}
	if n := strings.Count(s.log.String(), `error="read-only transaction"`); n != 2 || s.fake.touched != 2 {
		t.Errorf("tried %d times in 90 seconds, logged %d times:\n%s", s.fake.touched, n, &s.log)
	}
	if strings.Contains(s.log.String(), s.key) {
		t.Error("the log contains the key")
	}
}

// Keys that are made up are held by their address before they are looked up.
func TestKeys_madeUp(t *testing.T) {
	s := newKeysStage(t, counted{most: map[string]int{"api_key_lookup": 3}, seen: map[string]int{}})
	c := Client{Address: "192.0.2.1"}
	for i := range 10 {
		_, err := s.AuthenticateCall(t.Context(), "rk_00000000_"+strings.Repeat("0", 64), c)
		want := CodeUnauthenticated
		if i >= 3 {
			want = CodeRateLimited
		}
		if AsError(err).Code != want {
			t.Errorf("try %d: %v, want %s", i+1, err, want)
		}
	}
	if s.fake.lookups != 3 {
		t.Errorf("%d are looked up", s.fake.lookups)
	}
	if _, err := s.AuthenticateCall(t.Context(), s.key, Client{Address: "192.0.2.2"}); err != nil {
		t.Errorf("a good key from elsewhere: %v", err)
	}
}

func TestAPIKeyCaller_Require(t *testing.T) {
	caller := APIKeyCaller{Scopes: []Scope{ScopeBlacklistRead}}
	if err := caller.Require(ScopeBlacklistRead); err != nil {
		t.Errorf("with the scope: %v", err)
	}
	if err := (APIKeyCaller{Scopes: []Scope{"other"}}).Require(ScopeBlacklistRead); AsError(err).Code != CodeForbidden {
		t.Errorf("without the scope: %v", err)
	}
}
