package compat

import (
	"bytes"
	"compress/gzip"
	"crypto/ecdsa"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"rekey/internal/auth"
	"rekey/internal/token"
)

// TestGolden_Exchanges replays what was recorded from the live service: with
// its two public keys, its clock, its time zone, and its user and session.
func TestGolden_Exchanges(t *testing.T) {
	onEachEngine(t, func(t *testing.T, s *stack) {
		for _, x := range recorded(t) {
			t.Run(x.Name, func(t *testing.T) { replay(t, s, x) })
		}
	}, withRecordedKeys)
}

// withRecordedKeys verifies what the live service signed, and writes times in
// its zone.
func withRecordedKeys(t *testing.T, o *settings) {
	t.Helper()
	var err error
	load := func(path string) []*ecdsa.PublicKey {
		keys, e := token.LoadVerifyKeys([]string{path})
		err = errors.Join(err, e)
		return keys
	}
	o.tokens.Access.Verify = load("testdata/access_public.pem")
	o.tokens.Refresh.Verify = load("testdata/refresh_public.pem")
	zone, e := time.LoadLocation("Europe/Budapest")
	o.tokens.Location = zone
	if err = errors.Join(err, e); err != nil {
		t.Fatal(err)
	}
}

func replay(t *testing.T, s *stack, x exchange) {
	s.clock.set(x.At)
	if x.Response.Status == http.StatusCreated {
		restore(t, s, x)
	}
	h := http.Header{}
	for _, from := range []map[string]string{x.Request.Headers, x.Request.AddedByProxy} {
		for name, value := range from {
			h.Set(name, value)
		}
	}
	res := s.send(t, x.Request.Method, x.Request.Path, h, "")
	if res.status != x.Response.Status {
		t.Fatalf("status %d, want %d", res.status, x.Response.Status)
	}
	checkRecordedHeaders(t, res, x)
	res.body = gunzip(t, res)
	if res.status != http.StatusCreated {
		if string(res.body) != x.Response.Body+"\n" {
			t.Errorf("body %q, want %q", res.body, x.Response.Body+"\n")
		}
		return
	}
	comparePairs(t, s, res.envelopeOf(t), envelopeIn(t, x.Response.Body))
}

// restore puts the user and the session of a recorded refresh into the
// database, as they were just before it.
func restore(t *testing.T, s *stack, x exchange) {
	t.Helper()
	token := strings.TrimPrefix(x.Request.Headers["Authorization"], "Bearer ")
	var c struct {
		User struct {
			tokenUser
			Auth tokenAuth `json:"auth"`
		} `json:"user"`
		ExpiresAt int64 `json:"exp"`
		IssuedAt  int64 `json:"iat"`
	}
	if err := json.Unmarshal(claimsOf(t, token), &c); err != nil {
		t.Fatal(err)
	}
	issued := time.Unix(c.IssuedAt, 0)
	user := auth.User{
		ID: c.User.ID, Name: c.User.Name, Email: c.User.Email, EmailKey: c.User.Email,
		CreatedAt: c.User.CreatedAt, UpdatedAt: c.User.UpdatedAt, PasswordHash: "none",
	}
	session := auth.Session{
		ID: c.User.Auth.ID, UserID: user.ID, Generation: 1, SecretHash: auth.HashSecret(c.User.Auth.Token),
		IssuedAt: issued, AccessExpiresAt: issued.Add(accessTTL), RefreshExpiresAt: time.Unix(c.ExpiresAt, 0),
		ExpiresAt: issued.Add(sessionTTL), CreatedAt: issued, LastSeenAt: issued,
	}
	if err := s.store.CreateUser(t.Context(), auth.NewAccount{User: user, Session: session}, nil); err != nil {
		t.Fatal(err)
	}
}

// checkRecordedHeaders wants the recorded headers and those that the contract
// adds, spelt alike, and no other.
func checkRecordedHeaders(t *testing.T, res response, x exchange) {
	t.Helper()
	want := map[string][]string{
		"Cache-Control":    {"no-store"},
		"Content-Encoding": {"gzip"},
	}
	if res.status == http.StatusUnauthorized {
		want["Www-Authenticate"] = []string{"Bearer"}
	}
	for name, value := range x.Response.Headers {
		switch v := value.(type) {
		case string:
			want[http.CanonicalHeaderKey(name)] = []string{v}
		case []any:
			for _, one := range v {
				key := http.CanonicalHeaderKey(name)
				want[key] = append(want[key], one.(string))
			}
		}
	}
	checkExactly(t, res.header, want)
}

func gunzip(t *testing.T, res response) []byte {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(res.body))
	if err != nil {
		t.Fatalf("the body is not gzipped: %v: %q", err, res.body)
	}
	raw, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func envelopeIn(t *testing.T, body string) envelope {
	t.Helper()
	var e envelope
	if err := json.Unmarshal([]byte(body), &e); err != nil {
		t.Fatal(err)
	}
	return e
}

// comparePairs requires the recorded pair, except for the secret and the
// signatures.
func comparePairs(t *testing.T, s *stack, got, want envelope) {
	t.Helper()
	if got.Payload.TokenExpiration != want.Payload.TokenExpiration || got.Message != want.Message || !got.Success {
		t.Errorf("envelope %+v, want %+v", got, want)
	}
	pairs := [][2]string{
		{got.Payload.Token, want.Payload.Token},
		{got.Payload.RefreshToken, want.Payload.RefreshToken},
	}
	secrets := map[string]bool{}
	for _, p := range pairs {
		claims, secret := withoutSecret(t, p[0])
		recordedClaims, recordedSecret := withoutSecret(t, p[1])
		if claims != recordedClaims {
			t.Errorf("claims\n%s, want\n%s", claims, recordedClaims)
		}
		if secret == recordedSecret {
			t.Error("the secret is the recorded one")
		}
		secrets[secret] = true
		checkHeader(t, p[0], p[1])
	}
	if len(secrets) != 1 {
		t.Error("the tokens of the pair differ in their secret")
	}
	checkGuard(t, s, got.Payload.RefreshToken, http.StatusNotFound)
}

// withoutSecret returns the secret of a token, and its claims byte for byte
// without the secret.
func withoutSecret(t *testing.T, token string) (claims, secret string) {
	t.Helper()
	raw := claimsOf(t, token)
	m := regexp.MustCompile(`"token":"([0-9a-f]{64})"`).FindSubmatch(raw)
	if m == nil {
		t.Fatalf("no secret in %s", raw)
	}
	return strings.Replace(string(raw), string(m[1]), "", 1), string(m[1])
}

// checkHeader wants the recorded token's header, to which kid is added.
func checkHeader(t *testing.T, token, recorded string) {
	t.Helper()
	got, want := headerOf(t, token), headerOf(t, recorded)
	if got["kid"] == "" {
		t.Error("no kid")
	}
	delete(got, "kid")
	if len(got) != len(want) || got["alg"] != want["alg"] || got["typ"] != want["typ"] {
		t.Errorf("header %v, want %v", got, want)
	}
}

func headerOf(t *testing.T, token string) map[string]string {
	t.Helper()
	var h map[string]string
	raw, err := rawSegment(token, 0)
	if err == nil {
		err = json.Unmarshal(raw, &h)
	}
	if err != nil {
		t.Fatal(err)
	}
	return h
}
