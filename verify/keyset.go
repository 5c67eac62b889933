package verify

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	keysPath     = "/.well-known/jwks.json"
	fetchTimeout = 5 * time.Second
	maxBody      = 256 << 10
	// refetchEvery is how often at most keys are fetched for tokens under an
	// unknown key, which anybody can make up.
	refetchEvery = 10 * time.Second
	retryFetch   = 2 * time.Second
	defaultAge   = 10 * time.Minute
	maxAge       = 24 * time.Hour
)

// keySet is the published keys.
type keySet struct {
	o Options

	mu      sync.Mutex
	keys    map[string]*ecdsa.PublicKey
	etag    string
	expires time.Time     // when they are too old
	tried   time.Time     // when they were last fetched, or were to be
	failed  bool          // the last time
	flight  chan struct{} // closed when the fetch under way has ended; nil without one
}

func newKeySet(o Options) *keySet { return &keySet{o: o} }

// run keeps the keys fresh until ctx ends; done is called after each fetch.
func (s *keySet) run(ctx context.Context, done func()) {
	for {
		wait := s.fetch(ctx)
		select {
		case <-wait:
		case <-ctx.Done():
			return
		}
		done()
		select {
		case <-s.o.After(s.pause()):
		case <-ctx.Done():
			return
		}
	}
}

// pause is how long the keys need not be fetched again.
func (s *keySet) pause() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed {
		return retryFetch
	}
	return max(s.expires.Sub(s.o.Now()), retryFetch)
}

// until is when the keys may be used no longer.
func (s *keySet) until() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keys == nil {
		return time.Time{}
	}
	return s.expires.Add(s.o.MaxStale)
}

// usable says whether the keys may be used. The caller holds the lock.
func (s *keySet) usable(now time.Time) bool {
	return s.keys != nil && now.Before(s.expires.Add(s.o.MaxStale))
}

// all are the keys for a token that names none.
func (s *keySet) all(now time.Time) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.usable(now) {
		return nil, ErrUnavailable
	}
	var set jwt.VerificationKeySet
	for _, key := range s.keys {
		set.Keys = append(set.Keys, key)
	}
	return set, nil
}

// byID returns a key. For one that is not known the keys are fetched, now and
// then, once for all who wait.
func (s *keySet) byID(ctx context.Context, id string, now time.Time) (any, error) {
	key, settled, err := s.find(id, now)
	if settled {
		return key, err
	}
	select {
	case <-s.fetch(ctx):
	case <-ctx.Done():
		return nil, ErrUnavailable
	}
	key, _, err = s.find(id, now)
	return key, err
}

// find looks a key up. It is not settled when fetching might bring it.
func (s *keySet) find(id string, now time.Time) (key *ecdsa.PublicKey, settled bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	recent := s.flight == nil && now.Sub(s.tried) < refetchEvery
	key, known := s.keys[id]
	switch {
	case !s.usable(now):
		return nil, recent, ErrUnavailable
	case known:
		return key, true, nil
	case s.failed: // there may be newer keys
		return nil, recent, ErrUnavailable
	}
	return nil, recent, ErrInvalid
}

// fetch starts fetching, unless that is under way, and returns what is closed
// when it has ended. It does not end with who happened to be first.
func (s *keySet) fetch(ctx context.Context) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.flight != nil {
		return s.flight
	}
	s.flight, s.tried = make(chan struct{}), s.o.Now()
	go func(done chan struct{}, etag string) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTimeout)
		defer cancel()
		got, err := s.get(ctx, etag)
		s.settle(got, err)
		close(done)
	}(s.flight, s.etag)
	return s.flight
}

// fetched is an answer: keys is nil where they are still the same.
type fetched struct {
	keys map[string]*ecdsa.PublicKey
	etag string
	age  time.Duration // how long it may be kept
}

func (s *keySet) settle(got fetched, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flight, s.failed = nil, err != nil
	if err != nil {
		s.o.Logger.Warn("fetching rekey's keys failed", "error", err)
		return
	}
	if got.keys != nil {
		s.keys, s.etag = got.keys, got.etag
	}
	s.expires = s.tried.Add(got.age)
}

func (s *keySet) get(ctx context.Context, etag string) (fetched, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.o.URL+keysPath, nil)
	if err != nil {
		return fetched{}, err
	}
	if etag != "" {
		req.Header.Set("If-None-Match", etag)
	}
	res, err := s.o.Client.Do(req)
	if err != nil {
		return fetched{}, err
	}
	defer func() { _ = res.Body.Close() }()
	got := fetched{etag: res.Header.Get("ETag"), age: keepFor(res.Header)}
	if res.StatusCode == http.StatusNotModified && etag != "" {
		return got, nil
	}
	if res.StatusCode != http.StatusOK {
		return fetched{}, fmt.Errorf("status %d", res.StatusCode)
	}
	data, err := readBody(res.Body)
	if err != nil {
		return fetched{}, err
	}
	got.keys, err = readKeys(data)
	return got, err
}

var errTooLong = errors.New("the answer is too long")

func readBody(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxBody+1))
	if err == nil && len(data) > maxBody {
		err = errTooLong
	}
	return data, err
}

// keepFor reads Cache-Control and Age (RFC 9111).
func keepFor(h http.Header) time.Duration {
	age := defaultAge
	for part := range strings.SplitSeq(h.Get("Cache-Control"), ",") {
		name, value, _ := strings.Cut(strings.ToLower(strings.TrimSpace(part)), "=")
		switch name {
		case "no-store", "no-cache":
			return 0
		case "max-age":
			if seconds, err := strconv.Atoi(strings.Trim(value, `"`)); err == nil {
				age = min(time.Duration(min(seconds, int(maxAge/time.Second)))*time.Second, maxAge)
			}
		}
	}
	if seconds, err := strconv.Atoi(h.Get("Age")); err == nil && seconds > 0 {
		age -= time.Duration(min(seconds, int(maxAge/time.Second))) * time.Second
	}
	return max(age, 0)
}
