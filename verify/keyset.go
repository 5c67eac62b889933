package verify

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/base64"
	"encoding/json"
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
	maxKeys      = 64 // of a published set
	// refetchInterval limits fetches for tokens under an unknown key, since anyone
	// can send such tokens.
	refetchInterval = 10 * time.Second
	retryFetch      = 2 * time.Second
	defaultAge      = 10 * time.Minute
	maxAge          = 24 * time.Hour
)

// keySet holds the published keys.
type keySet struct {
	o Options

	mu      sync.Mutex
	keys    map[string]*ecdsa.PublicKey
	etag    string
	expires time.Time
	tried   time.Time     // when the last fetch began
	failed  bool          // whether the last fetch failed
	flight  chan struct{} // closed when the current fetch ends; nil if there is none
}

// run keeps the keys fresh until ctx ends. It calls done after each fetch.
func (s *keySet) run(ctx context.Context, done func()) {
	for {
		select {
		case <-s.fetch(ctx):
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

// pause returns the time until the next fetch.
func (s *keySet) pause() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed {
		return retryFetch
	}
	return max(s.expires.Sub(s.o.Now()), retryFetch)
}

// until returns the time from which the keys must not be used.
func (s *keySet) until() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.untilLocked()
}

func (s *keySet) untilLocked() time.Time {
	if s.keys == nil {
		return time.Time{}
	}
	return s.expires.Add(s.o.MaxStale)
}

// all returns all keys, for a token that names none of them.
func (s *keySet) all(now time.Time) (jwt.VerificationKeySet, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var set jwt.VerificationKeySet
	if !now.Before(s.untilLocked()) {
		return set, ErrUnavailable
	}
	for _, key := range s.keys {
		set.Keys = append(set.Keys, key)
	}
	return set, nil
}

// fetchByID returns a key. If it is unknown, fetchByID first fetches the keys,
// at most once in refetchInterval, and once for all concurrent calls.
func (s *keySet) fetchByID(ctx context.Context, id string, now time.Time) (*ecdsa.PublicKey, error) {
	key, final, err := s.find(id, now)
	if final {
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

// find returns a known key. The result is final unless a fetch may change it.
func (s *keySet) find(id string, now time.Time) (key *ecdsa.PublicKey, final bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	recent := s.flight == nil && now.Sub(s.tried) < refetchInterval
	key, known := s.keys[id]
	switch {
	case !now.Before(s.untilLocked()):
		return nil, recent, ErrUnavailable
	case known:
		return key, true, nil
	case s.failed: // there may be newer keys
		return nil, recent, ErrUnavailable
	}
	return nil, recent, ErrInvalid
}

// fetch starts a fetch, unless one is running, and returns a channel that is
// closed when it ends. The fetch continues if the caller's ctx ends, because
// other callers may wait for it.
func (s *keySet) fetch(ctx context.Context) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.flight != nil {
		return s.flight
	}
	s.flight, s.tried = make(chan struct{}), s.o.Now()
	go func(done chan struct{}, etag string) {
		defer close(done)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTimeout)
		defer cancel()
		got, err := s.get(ctx, etag)
		s.store(got, err)
	}(s.flight, s.etag)
	return s.flight
}

// fetched is an answer. keys is nil if they have not changed.
type fetched struct {
	keys map[string]*ecdsa.PublicKey
	etag string
	age  time.Duration // how long it may be cached
}

func (s *keySet) store(got fetched, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flight, s.failed = nil, err != nil
	if err != nil {
		s.o.Logger.Warn("fetching rekey's keys failed; will retry", "error", err)
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
	got := fetched{etag: res.Header.Get("ETag"), age: cacheAge(res.Header)}
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
	got.keys, err = parseKeys(data)
	return got, err
}

func readBody(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxBody+1))
	if err == nil && len(data) > maxBody {
		err = errors.New("the answer is too long")
	}
	return data, err
}

// cacheAge returns how long an answer may be cached, from Cache-Control and Age
// (RFC 9111).
func cacheAge(h http.Header) time.Duration {
	seconds := func(text string, otherwise time.Duration) time.Duration {
		n, err := strconv.Atoi(text)
		if err != nil {
			return otherwise
		}
		return time.Duration(min(n, int(maxAge/time.Second))) * time.Second
	}
	age := defaultAge
	for part := range strings.SplitSeq(h.Get("Cache-Control"), ",") {
		name, value, _ := strings.Cut(strings.ToLower(strings.TrimSpace(part)), "=")
		switch name {
		case "no-store", "no-cache":
			return 0
		case "max-age":
			age = seconds(strings.Trim(value, `"`), age)
		}
	}
	return max(age-max(seconds(h.Get("Age"), 0), 0), 0)
}

// jwk is the JSON of a public key (RFC 7517, RFC 7518 section 6.2).
type jwk struct {
	Type      string `json:"kty"`
	Use       string `json:"use"`
	Algorithm string `json:"alg"`
	ID        string `json:"kid"`
	Curve     string `json:"crv"`
	X         string `json:"x"`
	Y         string `json:"y"`
}

// parseKeys returns the keys of a JWK set that can sign tokens, by id. It ignores
// all other keys, and fails if there is no key for tokens.
func parseKeys(data []byte) (map[string]*ecdsa.PublicKey, error) {
	var set struct {
		Keys []jwk `json:"keys"`
	}
	if err := json.Unmarshal(data, &set); err != nil {
		return nil, fmt.Errorf("parsing the keys: %w", err)
	}
	keys := map[string]*ecdsa.PublicKey{}
	for _, k := range set.Keys[:min(len(set.Keys), maxKeys)] {
		if key, err := k.parse(); err == nil {
			keys[k.ID] = key
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("no ES256 key is published")
	}
	return keys, nil
}

func (k jwk) parse() (*ecdsa.PublicKey, error) {
	x, xErr := base64.RawURLEncoding.DecodeString(k.X)
	y, yErr := base64.RawURLEncoding.DecodeString(k.Y)
	if xErr != nil || yErr != nil || len(x) != 32 || len(y) != 32 || k.Type != "EC" || k.Curve != "P-256" || k.ID == "" ||
		k.Use != "" && k.Use != "sig" || k.Algorithm != "" && k.Algorithm != "ES256" {
		return nil, errors.New("not a key for ES256")
	}
	point := append(append([]byte{4}, x...), y...) // SEC 1 section 2.3.3
	return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
}
