package verify_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"rekey/verify"
)

const (
	patience = 2 * time.Minute
	apiKey   = "rk_key"
	session  = "0199aaaa-0000-7000-8000-000000000001"
)

// clock is moved by the tests. It records the waits by their length.
type clock struct {
	mu      sync.Mutex
	now     time.Time
	waiting map[chan time.Time]time.Duration
}

func newClock() *clock {
	return &clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), waiting: map[chan time.Time]time.Duration{}}
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func (c *clock) After(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	ch := make(chan time.Time, 1)
	c.waiting[ch] = d
	return ch
}

func (c *clock) waits(d time.Duration) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, length := range c.waiting {
		if length == d {
			return true
		}
	}
	return false
}

// end ends the waits of a length, and reports whether there are any.
func (c *clock) end(d time.Duration) (any bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for ch, length := range c.waiting {
		if length == d {
			ch <- c.now
			delete(c.waiting, ch)
			any = true
		}
	}
	return any
}

// rekey is a server whose answers a test sets.
type rekey struct {
	t     *testing.T
	url   string
	clock *clock
	key   *ecdsa.PrivateKey

	mu         sync.Mutex
	keys       []jwkOf
	header     http.Header // of the keys
	status     int         // of the keys, and of introspection
	fetches    int
	unmodified int
	hold       chan struct{} // blocks fetches, unless nil
	active     string        // what introspection answers
	asked      int

	since  chan string // of each subscription
	stream chan string // what is sent to the latest one
}

type jwkOf map[string]string

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func published(t *testing.T, kid string, key *ecdsa.PrivateKey) jwkOf {
	t.Helper()
	point, err := key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	return jwkOf{"kty": "EC", "use": "sig", "alg": "ES256", "crv": "P-256", "kid": kid, "x": encode(point[1:33]), "y": encode(point[33:])}
}

func newRekey(t *testing.T) *rekey {
	r := &rekey{t: t, clock: newClock(), key: newKey(t), status: 200, since: make(chan string, 16)}
	r.header = http.Header{"Cache-Control": {"public, max-age=600"}}
	r.keys = []jwkOf{published(t, "k1", r.key)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/jwks.json", r.serveKeys)
	mux.HandleFunc("POST /graphql", r.serveFeed)
	mux.HandleFunc("POST /oauth/introspect", r.introspect)
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	r.url = srv.URL
	return r
}

func (r *rekey) set(change func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change()
}

func (r *rekey) serveKeys(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	r.fetches++
	body, _ := json.Marshal(map[string]any{"keys": r.keys})
	status, hold := r.status, r.hold
	for name, values := range r.header {
		w.Header()[name] = values
	}
	tag := fmt.Sprintf(`"%x"`, sha256.Sum256(body))
	w.Header().Set("ETag", tag)
	same := req.Header.Get("If-None-Match") == tag
	if same {
		r.unmodified++
	}
	r.mu.Unlock()
	if hold != nil {
		<-hold
	}
	switch {
	case status != 200:
		w.WriteHeader(status)
	case same:
		w.WriteHeader(http.StatusNotModified)
	default:
		_, _ = w.Write(body)
	}
}

func (r *rekey) serveFeed(w http.ResponseWriter, req *http.Request) {
	var body struct{ Variables struct{ Since string } }
	if err := json.NewDecoder(req.Body).Decode(&body); err != nil || req.Header.Get("X-API-Key") != apiKey || req.Header.Get("Accept") != "text/event-stream" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	_, _ = io.WriteString(w, ":\n\n")
	w.(http.Flusher).Flush()
	stream := make(chan string)
	r.set(func() { r.stream = stream })
	r.since <- body.Variables.Since
	for {
		select {
		case e := <-stream:
			if e == "end" {
				return
			}
			_, _ = io.WriteString(w, e)
			w.(http.Flusher).Flush()
		case <-req.Context().Done():
			return
		}
	}
}

func (r *rekey) introspect(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked++
	if req.Header.Get("Authorization") != "Bearer "+apiKey || req.FormValue("token") == "" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	w.WriteHeader(r.status)
	_, _ = io.WriteString(w, r.active)
}

func (r *rekey) options() verify.Options {
	return verify.Options{URL: r.url, APIKey: apiKey, Now: r.clock.Now, After: r.clock.After}
}

// verifier returns a running verifier that has received the past events.
func (r *rekey) verifier(vary ...func(*verify.Options)) *verify.Verifier {
	r.t.Helper()
	o := r.options()
	for _, f := range vary {
		f(&o)
	}
	v, err := verify.New(o)
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.t.Context()))
	ended := make(chan struct{})
	go func() { defer close(ended); v.Run(ctx) }()
	r.t.Cleanup(func() { cancel(); <-ended })
	r.heartbeat()
	within, cancelReady := context.WithTimeout(r.t.Context(), patience)
	defer cancelReady()
	if err := v.Ready(within); err != nil {
		r.t.Fatal("it is not ready")
	}
	return v
}

// send sends text down the latest stream.
func (r *rekey) send(text string) {
	r.t.Helper()
	var stream chan string
	eventually(r.t, "there is a subscription", func() bool {
		r.set(func() { stream = r.stream })
		return stream != nil
	})
	select {
	case stream <- text:
	case <-time.After(patience):
		r.t.Fatal("there is no subscription")
	}
}

func (r *rekey) publish(fields map[string]any) {
	r.t.Helper()
	now := r.clock.Now().Format(time.RFC3339Nano)
	e := map[string]any{
		"kind": "SESSION_REVOKED", "sessionId": session, "secretHash": nil, "issuedBefore": nil, "use": nil,
		"at": now, "effectiveAt": now, "expiresAt": r.clock.Now().Add(15 * time.Minute).Format(time.RFC3339Nano),
	}
	for name, value := range fields {
		e[name] = value
	}
	text, err := json.Marshal(map[string]any{"data": map[string]any{"blacklistEvents": e}})
	if err != nil {
		r.t.Fatal(err)
	}
	r.send("event: next\ndata: " + string(text) + "\n\n")
}

func (r *rekey) heartbeat() {
	r.t.Helper()
	r.publish(map[string]any{"kind": "HEARTBEAT", "sessionId": nil})
}

// awaits returns once there is a wait of a length. Moving the clock earlier would
// change its length.
func (r *rekey) awaits(d time.Duration) {
	r.t.Helper()
	eventually(r.t, "a wait of "+d.String(), func() bool { return r.clock.waits(d) })
}

// pass advances the clock by the length of a wait, and ends the wait.
func (r *rekey) pass(d time.Duration) {
	r.t.Helper()
	r.awaits(d)
	r.clock.advance(d)
	r.clock.end(d)
}

// wake ends a wait of a length once there is one.
func (r *rekey) wake(d time.Duration) {
	r.t.Helper()
	eventually(r.t, "a wait of "+d.String(), func() bool { return r.clock.end(d) })
}

// mint signs an access token; claims replace those of a valid one.
func (r *rekey) mint(claims map[string]any, header ...string) string {
	r.t.Helper()
	now := r.clock.Now().Unix()
	all := jwt.MapClaims{
		"user": map[string]any{"id": "u1", "name": "Ada", "email": "ada@example.com", "auth": map[string]any{"id": session, "token": "secret"}},
		"exp":  now + 900, "iat": now, "nbf": now - 1,
	}
	for name, value := range claims {
		if all[name] = value; value == nil {
			delete(all, name)
		}
	}
	t := jwt.NewWithClaims(jwt.SigningMethodES256, all)
	t.Header["kid"] = "k1"
	for i := 0; i+1 < len(header); i += 2 {
		if t.Header[header[i]] = header[i+1]; header[i+1] == "" {
			delete(t.Header, header[i])
		}
	}
	signed, err := t.SignedString(r.key)
	if err != nil {
		r.t.Fatal(err)
	}
	return signed
}

// forge signs a token as mint does, with a key that is not published.
func (r *rekey) forge(header ...string) string {
	r.t.Helper()
	return (&rekey{t: r.t, clock: r.clock, key: newKey(r.t)}).mint(nil, header...)
}

func hashOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}
