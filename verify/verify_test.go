package verify_test

import (
	"crypto/x509"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"rekey/verify"
)

func want(t *testing.T, v *verify.Verifier, what, token string, expected error) {
	t.Helper()
	claims, err := v.Verify(t.Context(), token)
	if !errors.Is(err, expected) || expected == nil && err != nil {
		t.Errorf("%s: %v, want %v", what, err, expected)
	}
	if err != nil && (claims.UserID != "" || token != "" && strings.Contains(err.Error(), token)) {
		t.Errorf("%s: %+v with %v", what, claims, err)
	}
}

func TestVerifier_Verify(t *testing.T) {
	r := newRekey(t)
	v := r.verifier()
	now := r.clock.Now()
	claims, err := v.Verify(t.Context(), r.mint(nil))
	if err != nil || claims.UserID != "u1" || claims.Email != "ada@example.com" || claims.SessionID != session || !claims.ExpiresAt.Equal(now.Add(15*time.Minute)) {
		t.Fatalf("%+v, %v", claims, err)
	}
	public, err := x509.MarshalPKIXPublicKey(&r.key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	hmac, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"exp": now.Unix() + 9}).SignedString(public)
	if err != nil {
		t.Fatal(err)
	}
	good := r.mint(nil)
	parts := strings.Split(good, ".")
	other := newRekey(t)
	for name, token := range map[string]string{
		"empty": "", "garbage": "a.b.c", "two segments": parts[0] + "." + parts[1], "HMAC by the public key": hmac,
		"another key": other.mint(nil), "another key, without kid": other.mint(nil, "kid", ""),
		"crit": r.mint(nil, "crit", "exp"), "padded": good + "=", "line break": good + "\n", "break inside": parts[0] + ".\n" + parts[1] + "." + parts[2],
		"spare bits": good[:len(good)-1] + string(good[len(good)-1]+1), "too long": good + strings.Repeat("A", 9000),
		"alg none":         "eyJhbGciOiJub25lIn0." + parts[1] + ".",
		"no exp":           r.mint(map[string]any{"exp": nil}),
		"no iat":           r.mint(map[string]any{"iat": nil}),
		"no session":       r.mint(map[string]any{"user": map[string]any{"id": "u1"}}),
		"expired":          r.mint(map[string]any{"exp": now.Unix()}),
		"nbf ahead":        r.mint(map[string]any{"nbf": now.Unix() + 31}),
		"iat ahead":        r.mint(map[string]any{"iat": now.Unix() + 31}),
		"older than known": r.mint(map[string]any{"iat": now.Unix() - 900}),
	} {
		want(t, v, name, token, verify.ErrInvalid)
	}
	want(t, v, "leeway", r.mint(map[string]any{"iat": now.Unix() + 30, "nbf": now.Unix() + 30}), nil)
	want(t, v, "without kid, as from a legacy service", r.mint(nil, "kid", ""), nil)
}

func TestVerifier_issuer(t *testing.T) {
	r := newRekey(t)
	v := r.verifier(func(o *verify.Options) { o.Issuer, o.Audience = "https://auth.example.com", "orders" })
	for name, tt := range map[string]struct {
		claims map[string]any
		err    error
	}{
		"good":        {map[string]any{"iss": "https://auth.example.com", "aud": []string{"x", "orders"}}, nil},
		"one":         {map[string]any{"iss": "https://auth.example.com", "aud": "orders"}, nil},
		"none":        {nil, verify.ErrInvalid},
		"no audience": {map[string]any{"iss": "https://auth.example.com"}, verify.ErrInvalid},
		"other":       {map[string]any{"iss": "https://auth.example.com/", "aud": "orders"}, verify.ErrInvalid},
		"for others":  {map[string]any{"iss": "https://auth.example.com", "aud": "x"}, verify.ErrInvalid},
	} {
		want(t, v, name, r.mint(tt.claims), tt.err)
	}
}

// eventually waits for the effect of a message.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.After(patience); !is(); {
		select {
		case <-time.After(time.Millisecond):
		case <-deadline:
			t.Fatal("did not happen: " + what)
		}
	}
}

// synced sends a heartbeat and waits until the verifier has applied it, and all
// earlier events.
func (r *rekey) synced(v *verify.Verifier) {
	r.t.Helper()
	r.clock.advance(time.Millisecond)
	until := v.Status().BlacklistUntil
	r.heartbeat()
	eventually(r.t, "the heartbeat is applied", func() bool { return v.Status().BlacklistUntil.After(until) })
}

func TestVerifier_blacklist(t *testing.T) {
	const other = "0199aaaa-0000-7000-8000-000000000002"
	at := func(r *rekey, d time.Duration) string { return r.clock.Now().Add(d).Format(time.RFC3339Nano) }
	for name, tt := range map[string]struct {
		event   func(r *rekey) map[string]any
		advance time.Duration
		err     error
	}{
		"session":         {func(*rekey) map[string]any { return nil }, 0, verify.ErrInvalid},
		"another session": {func(*rekey) map[string]any { return map[string]any{"sessionId": other} }, 0, nil},
		"use access":      {func(*rekey) map[string]any { return map[string]any{"use": "ACCESS", "secretHash": hashOf("secret")} }, 0, verify.ErrInvalid},
		"use refresh":     {func(*rekey) map[string]any { return map[string]any{"use": "REFRESH", "secretHash": hashOf("secret")} }, 0, nil},
		"another secret":  {func(*rekey) map[string]any { return map[string]any{"secretHash": hashOf("x")} }, 0, nil},
		"issued before": {func(r *rekey) map[string]any {
			return map[string]any{"secretHash": hashOf("x"), "issuedBefore": at(r, time.Second)}
		}, 0, verify.ErrInvalid},
		"issued then": {func(r *rekey) map[string]any {
			return map[string]any{"secretHash": hashOf("x"), "issuedBefore": at(r, 0)}
		}, 0, nil},
		"in the overlap":    {func(r *rekey) map[string]any { return map[string]any{"effectiveAt": at(r, 10*time.Second)} }, 9 * time.Second, nil},
		"after the overlap": {func(r *rekey) map[string]any { return map[string]any{"effectiveAt": at(r, 10*time.Second)} }, 10 * time.Second, verify.ErrInvalid},
		"rekey's clock is ahead": {func(r *rekey) map[string]any {
			return map[string]any{"at": at(r, 29*time.Second), "effectiveAt": at(r, 29*time.Second)}
		}, 0, verify.ErrInvalid},
		"its overlap, seen from a": {func(r *rekey) map[string]any {
			return map[string]any{"at": at(r, 29*time.Second), "effectiveAt": at(r, 39*time.Second)}
		}, 10 * time.Second, verify.ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRekey(t)
			v, token := r.verifier(), r.mint(nil)
			r.publish(tt.event(r))
			r.synced(v)
			r.clock.advance(tt.advance)
			want(t, v, "the token", token, tt.err)
		})
	}
}

// TestVerifier_expires: events are stored once, and until their tokens expire.
func TestVerifier_expires(t *testing.T) {
	r := newRekey(t)
	v := r.verifier()
	for range 3 {
		r.publish(nil)
	}
	r.publish(map[string]any{"secretHash": hashOf("a")})
	r.synced(v)
	if n := v.Status().Events; n != 2 {
		t.Errorf("%d events are stored", n)
	}
	r.clock.advance(17 * time.Minute)
	r.synced(v)
	if n := v.Status().Events; n != 0 {
		t.Errorf("%d events are stored after their tokens have expired", n)
	}
}

// TestVerifier_full: beyond MaxEvents the verifier accepts no token.
func TestVerifier_full(t *testing.T) {
	r := newRekey(t)
	v := r.verifier(func(o *verify.Options) { o.MaxEvents = 1 })
	token := r.mint(nil)
	r.publish(map[string]any{"secretHash": hashOf("a")})
	r.synced(v)
	want(t, v, "as much as fits", token, nil)
	r.publish(map[string]any{"secretHash": hashOf("b")})
	eventually(t, "it is stale", func() bool { return v.Status().BlacklistUntil.IsZero() })
	want(t, v, "more than fits", token, verify.ErrUnavailable)
}

func TestVerifier_stale(t *testing.T) {
	r := newRekey(t)
	v := r.verifier()
	token := r.mint(nil)
	r.clock.advance(time.Minute - time.Nanosecond)
	want(t, v, "within MaxStale", token, nil)
	r.clock.advance(time.Nanosecond)
	want(t, v, "after MaxStale", token, verify.ErrUnavailable)
	want(t, v, "a bad token after MaxStale", token+"x", verify.ErrInvalid)
	r.publish(nil)
	r.synced(v)
	want(t, v, "revoked", token, verify.ErrInvalid)
	r.clock.advance(time.Minute)
	want(t, v, "revoked, after MaxStale", token, verify.ErrInvalid)
}

// TestVerifier_introspect: a stale verifier asks rekey, and is unavailable without an
// answer.
func TestVerifier_introspect(t *testing.T) {
	r := newRekey(t)
	v := r.verifier(func(o *verify.Options) { o.WhenStale = verify.Introspect })
	token := r.mint(nil)
	want(t, v, "not stale", token, nil)
	r.clock.advance(time.Minute)
	want(t, v, "not signed by rekey", token+"x", verify.ErrInvalid)
	if r.asked != 0 {
		t.Errorf("asked %d times unnecessarily", r.asked)
	}
	for name, tt := range map[string]struct {
		status int
		answer string
		err    error
	}{
		"active":          {200, `{"active":true,"token_type":"Bearer"}`, nil},
		"a refresh token": {200, `{"active":true,"token_type":"refresh_token"}`, verify.ErrInvalid},
		"not active":      {200, `{"active":false}`, verify.ErrInvalid},
		"an error":        {503, `{"active":false}`, verify.ErrUnavailable},
		"no answer":       {200, `{}`, verify.ErrUnavailable},
		"a page":          {200, `<html>`, verify.ErrUnavailable},
		"too long":        {200, strings.Repeat(" ", 1<<19) + `{"active":true,"token_type":"Bearer"}`, verify.ErrUnavailable},
	} {
		r.set(func() { r.status, r.active = tt.status, tt.answer })
		want(t, v, name, token, tt.err)
	}
}

func TestNew(t *testing.T) {
	_, err := verify.New(verify.Options{URL: "auth.example.com/x", MaxStale: time.Second, WhenStale: "shrug", AccessTTL: -1})
	for _, name := range []string{"URL", "APIKey", "MaxStale", "WhenStale", "AccessTTL"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not named: %v", name, err)
		}
	}
}
