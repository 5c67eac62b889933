package compat

import (
	"encoding/json"
	"go/constant"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"rekey/internal/auth"
)

func TestFaultText(t *testing.T) {
	cases := []struct {
		failure auth.TokenFailure
		want    string
	}{
		{auth.TokenFailure{Fault: auth.FaultTooLong}, "token is longer than 8192 bytes"},
		{auth.TokenFailure{Fault: auth.FaultSegments}, "token contains an invalid number of segments"},
		{auth.TokenFailure{Fault: auth.FaultBase64, Offset: 17}, "illegal base64 data at input byte 17"},
		{auth.TokenFailure{Fault: auth.FaultJSON, Detail: "unexpected end of JSON input"}, "unexpected end of JSON input"},
		{auth.TokenFailure{Fault: auth.FaultJSON}, "token is not JSON"},
		{auth.TokenFailure{Fault: auth.FaultAlgorithm, Algorithm: "HS256"}, "unexpected jwt signing method=HS256"},
		{auth.TokenFailure{Fault: auth.FaultHeader}, "token header is not accepted"},
		{auth.TokenFailure{Fault: auth.FaultSignature}, "crypto/ecdsa: verification error"},
		{auth.TokenFailure{Fault: auth.FaultClaims, Detail: "exp is missing"}, "exp is missing"},
		{auth.TokenFailure{Fault: auth.FaultClaims}, "token claims are not accepted"},
		{auth.TokenFailure{Fault: auth.FaultExpired, ExpiredBy: time.Minute}, "token is expired by 1m0s"},
		{auth.TokenFailure{Fault: auth.FaultExpired, ExpiredBy: 1500 * time.Millisecond}, "token is expired by 1s"},
		{auth.TokenFailure{Fault: auth.FaultExpired, ExpiredBy: 30 * time.Hour}, "token is expired by 30h0m0s"},
		{auth.TokenFailure{Fault: auth.FaultNotYetValid}, "token is not valid yet"},
		{auth.TokenFailure{Fault: auth.FaultIssuedInFuture}, "Token used before issued"},
	}
	for _, c := range cases {
		t.Run(c.want, func(t *testing.T) {
			if got := faultText(c.failure); got != c.want {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestFaultText_EveryFaultIsWorded(t *testing.T) {
	unknown := faultText(auth.TokenFailure{Fault: -1})
	seen := map[string]bool{unknown: true}
	for _, c := range coreConstants(t, "TokenFault") {
		n, _ := constant.Int64Val(c)
		got := faultText(auth.TokenFailure{Fault: auth.TokenFault(n)})
		if seen[got] {
			t.Errorf("fault %d has no wording of its own: %q", n, got)
		}
		seen[got] = true
	}
}

func TestFaultText_Bounded(t *testing.T) {
	long := strings.Repeat("é", 5000)
	for _, f := range []auth.TokenFailure{
		{Fault: auth.FaultJSON, Detail: "x" + long},
		{Fault: auth.FaultClaims, Detail: "x" + long},
		{Fault: auth.FaultAlgorithm, Algorithm: "x" + long},
		{Fault: auth.FaultAlgorithm, Algorithm: "\xff\xfe"},
	} {
		got := faultText(f)
		if len(got) > maxDetail+40 || !utf8.ValidString(got) {
			t.Errorf("fault %d: %d bytes, valid %t", f.Fault, len(got), utf8.ValidString(got))
		}
	}
}

func TestEnvelope_Bytes(t *testing.T) {
	cases := []struct {
		name string
		in   envelope
		want string
	}{
		{"failure", envelope{Message: "token is blacklisted"},
			`{"success":false,"message":"token is blacklisted","payload":null}` + "\n"},
		{"success", success(auth.Grant{AccessToken: "a.b.c", RefreshToken: "d.e.f", AccessExpiresAt: time.Unix(1636893448, 0)}).envelope,
			`{"success":true,"message":"Success","payload":{"token":"a.b.c","refresh_token":"d.e.f","token_expiration":1636893448}}` + "\n"},
		{"escapes as encoding/json does by default", envelope{Message: "invalid character '<' & \"x\"\u2028"},
			`{"success":false,"message":"invalid character '\u003c' \u0026 \"x\"\u2028","payload":null}` + "\n"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := string(c.in.bytes()); got != c.want {
				t.Errorf("got  %s want %s", got, c.want)
			}
		})
	}
}

// TestWording_Recorded words the recorded failures as the live service did.
func TestWording_Recorded(t *testing.T) {
	bodies := map[int]auth.Error{
		401: *auth.InvalidToken(auth.TokenFailure{Fault: auth.FaultSignature}),
		500: *auth.Unauthenticated(auth.ReasonTokenBlacklisted, "x"),
	}
	for _, x := range recorded(t) {
		e, ok := bodies[x.Response.Status]
		if !ok {
			continue
		}
		delete(bodies, x.Response.Status)
		a := newTable().answer(&e)
		if got := string(a.envelope.bytes()); a.status != x.Response.Status || got != x.Response.Body+"\n" {
			t.Errorf("%s: got %d %s", x.Name, a.status, got)
		}
	}
	if len(bodies) != 0 {
		t.Errorf("not recorded: %v", bodies)
	}
}

// TestWording_RecordedSuccess writes the recorded pair as the live service did.
func TestWording_RecordedSuccess(t *testing.T) {
	x := recorded(t)[1]
	var e envelope
	if err := json.Unmarshal([]byte(x.Response.Body), &e); err != nil {
		t.Fatal(err)
	}
	got := success(auth.Grant{
		AccessToken:     e.Payload.Token,
		RefreshToken:    e.Payload.RefreshToken,
		AccessExpiresAt: time.Unix(e.Payload.TokenExpiration, 0),
	})
	if got.status != x.Response.Status || string(got.envelope.bytes()) != x.Response.Body+"\n" {
		t.Errorf("got %d %s", got.status, got.envelope.bytes())
	}
}
