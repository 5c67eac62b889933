package app

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"rekey/internal/auth"
)

// target is the service's handler, with the means to forge tokens for it.
type target struct {
	tb              testing.TB
	handler         http.Handler
	tokens          tokens
	access, refresh forge
}

func newTarget(tb testing.TB, a *app) *target {
	tb.Helper()
	access, refresh := a.ring.KeySets()
	foreign, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	g := &target{tb: tb, handler: a.handler()}
	var body struct {
		Data struct {
			SignUp struct{ Token, RefreshToken string }
		}
	}
	w := g.graphql("", `mutation { signUp(input: {name: "Ada", email: "ada@example.com", password: "correct horse"}) { token refreshToken } }`, nil)
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || body.Data.SignUp.Token == "" {
		tb.Fatalf("sign-up: %s", w.Body)
	}
	g.tokens = tokens{body.Data.SignUp.Token, body.Data.SignUp.RefreshToken}
	g.access = newForge(tb, access.Signing, refresh.Signing, foreign, g.tokens.access)
	g.refresh = newForge(tb, refresh.Signing, access.Signing, foreign, g.tokens.refresh)
	return g
}

// guarded is a target with access to its internals.
type guarded struct {
	*target
	*stack
}

func newGuarded(t *testing.T) *guarded {
	t.Helper()
	s := newStack(t, engines()[0], map[string]string{"LOG_LEVEL": "info"})
	return &guarded{newTarget(t, s.app), s}
}

// serve answers a request without a network, so that tests can send what no HTTP
// client would send.
func (g *target) serve(r *http.Request, bearer string) *httptest.ResponseRecorder {
	if bearer != "" {
		r.Header["Authorization"] = []string{"Bearer " + bearer}
	}
	w := httptest.NewRecorder()
	g.handler.ServeHTTP(w, r)
	return w
}

func (g *target) rest(token string) *httptest.ResponseRecorder {
	return g.serve(httptest.NewRequest(http.MethodGet, "/auth/refresh", nil), token)
}

func (g *target) graphql(bearer, query string, vars map[string]any) *httptest.ResponseRecorder {
	body, err := json.Marshal(map[string]any{"query": query, "variables": vars})
	if err != nil {
		g.tb.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/graphql", bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/graphql-response+json")
	return g.serve(r, bearer)
}

const refreshMutation = `mutation($t: String) { refreshToken(refreshToken: $t) { token refreshToken } }`

// everything returns the contents of the database.
func (g *guarded) everything() string {
	g.t.Helper()
	var all strings.Builder
	for _, table := range []string{"users", "sessions", "blacklisted_tokens"} {
		g.write(&all, table)
	}
	return all.String()
}

// write writes the rows of a table.
func (g *guarded) write(all *strings.Builder, table string) {
	g.t.Helper()
	rows, err := g.db.QueryContext(g.t.Context(), `SELECT * FROM `+table)
	if err != nil {
		g.t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		g.t.Fatal(err)
	}
	for rows.Next() {
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(any)
		}
		if err := rows.Scan(values...); err != nil {
			g.t.Fatal(err)
		}
		for _, v := range values {
			fmt.Fprintf(all, "%v ", *v.(*any))
		}
	}
	if err := rows.Err(); err != nil {
		g.t.Fatal(err)
	}
}

// restTells returns the status and the beginning of the message for a reason.
func restTells(reason auth.Reason) (status int, message string) {
	switch reason {
	case auth.ReasonTokenMissing:
		return http.StatusBadRequest, "missing or malformed jwt"
	case auth.ReasonTokenExpired:
		return http.StatusUnauthorized, "invalid or expired jwt, internal=token is expired by "
	case auth.ReasonSessionUnknown:
		return http.StatusInternalServerError, "auth token not found"
	}
	return http.StatusUnauthorized, "invalid or expired jwt, internal="
}

func (g *guarded) checkREST(t *testing.T, w *httptest.ResponseRecorder, want forged) {
	t.Helper()
	var body struct {
		Success *bool
		Message string
		Payload any
	}
	d := json.NewDecoder(bytes.NewReader(w.Body.Bytes()))
	d.DisallowUnknownFields()
	status, message := restTells(want.reason)
	if err := d.Decode(&body); err != nil || body.Success == nil || *body.Success || body.Payload != nil {
		t.Errorf("REST: not an envelope of failure: %s (%v)", w.Body, err)
	}
	if w.Code != status || !strings.HasPrefix(body.Message, message) {
		t.Errorf("REST: %d %q, want %d %q", w.Code, body.Message, status, message)
	}
	g.checkQuiet(t, w, want)
}

func (g *guarded) checkGraphQL(t *testing.T, w *httptest.ResponseRecorder, want forged) {
	t.Helper()
	var body struct {
		Data   any
		Errors []struct {
			Message    string
			Extensions struct{ Code, Reason string }
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || len(body.Errors) != 1 || body.Data != nil {
		t.Errorf("GraphQL: not one error: %s (%v)", w.Body, err)
		return
	}
	e := body.Errors[0].Extensions
	if w.Code != http.StatusUnauthorized || e.Code != string(auth.CodeUnauthenticated) || e.Reason != string(want.reason) {
		t.Errorf("GraphQL: %d %s %s, want %s", w.Code, e.Code, e.Reason, want.reason)
	}
	g.checkQuiet(t, w, want)
}

// checkQuiet requires that the answer is short, and that neither it nor the log
// contains the token.
func (g *guarded) checkQuiet(t *testing.T, w *httptest.ResponseRecorder, want forged) {
	t.Helper()
	if w.Body.Len() > 1000 {
		t.Errorf("an answer of %d bytes", w.Body.Len())
	}
	if len(want.token) > 40 && strings.Contains(w.Body.String(), want.token[:40]) {
		t.Errorf("the answer repeats the token: %s", w.Body)
	}
}

func (g *guarded) checkInactive(t *testing.T, key, token string) {
	t.Helper()
	if answer := g.oauth("introspect", key, "token="+url.QueryEscape(token)); answer != notActive {
		t.Errorf("introspection: %s", answer)
	}
}

// TestHostileTokens: every transport refuses the token for the same reason, in
// its own format. Nothing is written, nothing panics, and the live token that
// the forged one was made from stays valid.
func TestHostileTokens(t *testing.T) {
	g := newGuarded(t)
	refresh, access := g.refresh.hostileForms(), g.target.access.hostileForms()
	if len(refresh) < 90 || len(access) != len(refresh) {
		t.Fatalf("%d and %d hostile tokens", len(refresh), len(access))
	}
	t.Logf("%d hostile refresh tokens, and as many access tokens", len(refresh))
	orders, gateway := g.keyFor("orders", auth.ScopeIntrospect), g.keyFor("gateway", auth.ScopeIntrospect, auth.ScopeIntrospectRefresh)
	before := g.everything()
	for name, want := range refresh {
		t.Run(name, func(t *testing.T) {
			g.checkREST(t, g.rest(want.token), want)
			g.checkGraphQL(t, g.target.graphql("", refreshMutation, map[string]any{"t": want.token}), want)
			asked := g.target.graphql(access[name].token, `{ me { email } }`, nil)
			if name == "form/space before" { // in the header it is a second space after Bearer, which GraphQL accepts
				if !strings.Contains(fmt.Sprint(asked), "ada@example.com") {
					t.Errorf("GraphQL: several spaces after Bearer: %v", asked)
				}
			} else {
				g.checkGraphQL(t, asked, access[name])
			}
			if f := access[name]; f.token != "" {
				g.checkInactive(t, orders, f.token)
			}
			if want.token != "" && !strings.HasPrefix(name, "key/of the other use") { // which is a valid access token
				g.checkInactive(t, gateway, want.token)
			}
			if after := g.everything(); after != before {
				t.Fatalf("something was written:\n%s\n%s", before, after)
			}
		})
	}
	if log := g.log.String(); strings.Contains(log, "panic") || strings.Contains(log, "level=ERROR") || strings.Contains(log, g.refresh.part(1)[:40]) {
		t.Errorf("the log contains a panic, an internal error or the token:\n%.2000s", log)
	}
	if problem := g.stack.access(g.tokens.access); problem != "" {
		t.Errorf("the live access token: %s", problem)
	}
	if out := refreshREST(g.stack, g.tokens.refresh, ""); out.problem != "" {
		t.Errorf("the live refresh token: %s", out.problem)
	}
}

// TestHostileTokens_spellings: any encoding that our own key has signed for a
// session and secret is the same token: it is replaced and blacklisted with it,
// is a race within the window, and gets a repeat with the key of the rotation.
func TestHostileTokens_spellings(t *testing.T) {
	g := newGuarded(t)
	next := refreshREST(g.stack, g.tokens.refresh, key1)
	if next.problem != "" {
		t.Fatal(next.problem)
	}
	access := g.target.access.ownSpellings()
	g.advance(11 * time.Second) // past the overlap, and the window
	before := g.everything()
	for name, token := range g.refresh.ownSpellings() {
		t.Run(name, func(t *testing.T) {
			for _, d := range transports() {
				if again := d.refresh(g.stack, token, key1); again.tokens != next.tokens {
					t.Errorf("%s, with the key: %q", d.name, again.problem)
				}
			}
			w := g.serve(httptest.NewRequest(http.MethodGet, "/auth/nowhere", nil), token)
			if w.Code != http.StatusInternalServerError || !strings.Contains(w.Body.String(), "token is blacklisted") {
				t.Errorf("the guard: %d %s", w.Code, w.Body)
			}
			if problem := g.stack.access(access[name]); problem != "TOKEN_BLACKLISTED" {
				t.Errorf("access: %q", problem)
			}
			if g.everything() != before {
				t.Error("something was written")
			}
		})
	}
}
