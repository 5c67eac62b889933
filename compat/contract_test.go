package compat

import (
	"net/http"
	"strings"
	"testing"

	"rekey/internal/auth"
)

// TestContract_Refused is every row of the contract's table that rotates
// nothing, on the route and on an unknown path, on each engine.
func TestContract_Refused(t *testing.T) {
	onEachEngine(t, func(t *testing.T, s *stack) {
		for _, c := range refusedCases() {
			t.Run(c.name, func(t *testing.T) { c.run(t, s) })
		}
	})
}

func (c contractCase) run(t *testing.T, s *stack) {
	l := s.login(t)
	if c.prepare != nil {
		c.prepare(l)
	}
	h := c.authorization(l)
	before := l.state()
	for _, path := range c.pathsOrGuarded() {
		res := s.send(t, c.methodOrGet(), path, h, c.body)
		if res.status != c.status {
			t.Errorf("%s: status %d, want %d: %s", path, res.status, c.status, res.body)
		}
		c.checkBody(t, path, res)
		if c.method == http.MethodHead {
			checkHead(t, res)
		} else {
			checkHeaders(t, res)
		}
		checkTellsNothing(t, res, l)
	}
	after := l.state()
	if after.Generation != before.Generation || after.SecretHash != before.SecretHash || after.IssuedAt != before.IssuedAt {
		t.Errorf("rotated: generation %d, then %d", before.Generation, after.Generation)
	}
}

func (c contractCase) pathsOrGuarded() []string {
	switch {
	case c.paths != nil:
		return c.paths
	case c.method != "":
		return []string{refreshPath}
	}
	return guarded()
}

func (c contractCase) methodOrGet() string {
	if c.method == "" {
		return http.MethodGet
	}
	return c.method
}

func (c contractCase) checkBody(t *testing.T, path string, res response) {
	t.Helper()
	if c.method == http.MethodHead {
		if len(res.body) != 0 {
			t.Errorf("HEAD has a body: %q", res.body)
		}
		return
	}
	e := res.envelopeOf(t)
	if e.Success || e.Payload != nil {
		t.Errorf("%s: envelope %+v", path, e)
	}
	detail, right := strings.CutPrefix(e.Message, c.message)
	if !right || c.begins == (detail == "") {
		t.Errorf("%s: message %q, want %q", path, e.Message, c.message)
	}
}

// checkTellsNothing fails when an answer or the log repeats what is secret.
func checkTellsNothing(t *testing.T, res response, l *login) {
	t.Helper()
	log := l.stack.log.String()
	for _, secret := range []string{l.secret, segments(l.refresh)[1], segments(l.access)[1]} {
		if strings.Contains(string(res.body), secret) {
			t.Errorf("the answer contains a secret: %s", res.body)
		}
		if strings.Contains(log, secret) {
			t.Error("the log contains a secret")
		}
	}
}

// TestContract_Success is the row of the contract's table that rotates: what
// else is in the request makes no difference.
func TestContract_Success(t *testing.T) {
	type success struct {
		name, target, scheme, body string
		header                     http.Header
	}
	cases := []success{
		{name: "plain"},
		{name: "query string", target: "?token=x&a=/auth/y"},
		{name: "body", body: `{"refresh_token":"x"}`},
		{name: "body that is too large", body: strings.Repeat("x", 1<<20)},
		{name: "scheme in lower case", scheme: "bearer"},
		{name: "scheme in upper case", scheme: "BEARER"},
		{name: "scheme in mixed case", scheme: "bEaReR"},
		{name: "cookie", header: http.Header{"Cookie": {"token=x"}}},
		{name: "idempotency key", header: http.Header{"Idempotency-Key": {strings.Repeat("k", 16)}}},
		{name: "long idempotency key", header: http.Header{"Idempotency-Key": {strings.Repeat("~", 128)}}},
	}
	onEachEngine(t, func(t *testing.T, s *stack) {
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				l := s.login(t)
				h := c.header.Clone()
				if h == nil {
					h = http.Header{}
				}
				scheme := c.scheme
				if scheme == "" {
					scheme = "Bearer"
				}
				h.Set("Authorization", scheme+" "+l.refresh)
				res := s.send(t, http.MethodGet, refreshPath+c.target, h, c.body)
				checkSuccess(t, s, l, res)
				checkHeaders(t, res)
			})
		}
	})
}

// checkSuccess fails unless the answer is the session's next pair.
func checkSuccess(t *testing.T, s *stack, l *login, res response) {
	t.Helper()
	if res.status != http.StatusCreated {
		t.Fatalf("status %d: %s", res.status, res.body)
	}
	e := res.envelopeOf(t)
	if !e.Success || e.Message != "Success" || e.Payload == nil {
		t.Fatalf("envelope %+v", e)
	}
	if want := s.clock.Now().Add(accessTTL).Unix(); e.Payload.TokenExpiration != want {
		t.Errorf("token_expiration %d, want %d", e.Payload.TokenExpiration, want)
	}
	if got := l.state().Generation; got != 2 {
		t.Errorf("generation %d, want 2", got)
	}
	checkGuard(t, s, e.Payload.RefreshToken, http.StatusNotFound)
	checkGuard(t, s, l.refresh, http.StatusInternalServerError)
	checkGuard(t, s, e.Payload.Token, http.StatusUnauthorized)
}

// checkGuard asks the guard for a token's status; 404 is that of a live one.
func checkGuard(t *testing.T, s *stack, token string, status int) {
	t.Helper()
	res := s.send(t, http.MethodGet, unknownPath, bearer(token), "")
	if res.status != status {
		t.Errorf("the guard says %d %s, want %d", res.status, res.body, status)
	}
}

func bearer(token string) http.Header {
	return http.Header{"Authorization": {"Bearer " + token}}
}

// TestContract_Retry answers a rotation's own key with the same bytes.
func TestContract_Retry(t *testing.T) {
	onEachEngine(t, func(t *testing.T, s *stack) {
		l := s.login(t)
		h := bearer(l.refresh)
		h.Set("Idempotency-Key", "a-key-of-this-rotation")
		first := s.send(t, http.MethodGet, refreshPath, h, "")
		checkSuccess(t, s, l, first)
		again := s.send(t, http.MethodGet, refreshPath, h, "")
		if again.status != http.StatusCreated || string(again.body) != string(first.body) {
			t.Errorf("again: %d %s\nfirst: %s", again.status, again.body, first.body)
		}
		h.Set("Idempotency-Key", "a-key-of-another-rotation")
		other := s.send(t, http.MethodGet, refreshPath, h, "")
		if e := other.envelopeOf(t); other.status != 500 || e.Message != blacklistedMessage {
			t.Errorf("with another key: %d %s", other.status, other.body)
		}
		if got := l.state(); got.Generation != 2 || got.RevokedAt != nil {
			t.Errorf("generation %d, revoked %v", got.Generation, got.RevokedAt)
		}
	})
}

// TestContract_Reuse ends the session by a refresh with an old token, and only
// by that: the guard reads.
func TestContract_Reuse(t *testing.T) {
	onEachEngine(t, func(t *testing.T, s *stack) {
		l := s.login(t)
		l.rotate()
		l.rotate()
		old := bearer(l.refresh)
		for _, request := range [][2]string{{"GET", unknownPath}, {"POST", refreshPath}, {"HEAD", refreshPath}, {"GET", refreshPath + "/"}} {
			res := s.send(t, request[0], request[1], old, "")
			if got := l.state(); res.status != 500 || got.RevokedAt != nil {
				t.Fatalf("%v: %d, revoked %v", request, res.status, got.RevokedAt)
			}
		}
		res := s.send(t, http.MethodGet, refreshPath, old, "")
		if got := l.state(); res.status != 500 || got.RevokedAt != nil {
			t.Fatalf("in a burst: %d, revoked %v", res.status, got.RevokedAt)
		}
		s.endBursts(t)
		res = s.send(t, http.MethodGet, refreshPath, old, "")
		if got := l.state(); res.status != 500 || got.RevokedReason != auth.RevokedByReuse {
			t.Errorf("the route: %d, revoked %q", res.status, got.RevokedReason)
		}
		checkGuard(t, s, l.newest, http.StatusInternalServerError)
	})
}

// TestContract_OutsideAuth answers 404 without a guard.
func TestContract_OutsideAuth(t *testing.T) {
	onEachEngine(t, func(t *testing.T, s *stack) {
		for _, path := range []string{"/auth", "/nothing", "/AUTH/refresh", "/authentication", "//auth/refresh", "/%61uth/refresh", "/"} {
			for _, h := range []http.Header{{}, bearer("a.b.c"), bearer(s.login(t).refresh)} {
				res := s.send(t, http.MethodGet, path, h, "")
				if e := res.envelopeOf(t); res.status != 404 || e.Message != "Not Found" {
					t.Errorf("%s: %d %s", path, res.status, res.body)
				}
				checkHeaders(t, res)
			}
		}
	})
}

// TestContract_DatabaseDown answers 503, never 401 or 500, and consumes
// nothing. What can be judged without the database still is.
func TestContract_DatabaseDown(t *testing.T) {
	onEachEngine(t, func(t *testing.T, s *stack) {
		l := s.login(t)
		if err := s.store.Close(); err != nil {
			t.Fatal(err)
		}
		for _, path := range guarded() {
			res := s.send(t, http.MethodGet, path, bearer(l.refresh), "")
			if e := res.envelopeOf(t); res.status != 503 || e.Message != "Service Unavailable" || res.header.Get("Retry-After") != "1" {
				t.Errorf("%s: %d %v %s", path, res.status, res.header, res.body)
			}
			if res := s.send(t, http.MethodGet, path, nil, ""); res.status != 400 {
				t.Errorf("%s without a token: %d", path, res.status)
			}
			if res := s.send(t, http.MethodGet, path, bearer(l.access), ""); res.status != 401 {
				t.Errorf("%s with an access token: %d", path, res.status)
			}
		}
	})
}
