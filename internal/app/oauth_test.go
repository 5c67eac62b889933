package app

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"rekey/internal/auth"
)

const notActive = `200 {"active":false}`

// oauth posts a form to the OAuth transport and returns the status and the body.
func (s *stack) oauth(endpoint, key, form string) string {
	s.t.Helper()
	req, err := http.NewRequest(http.MethodPost, s.url+"/oauth/"+endpoint, strings.NewReader(form))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Authorization", "Bearer "+key)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return fmt.Sprintf("%d %s", res.StatusCode, body)
}

// programCaller is a program with an API key.
type programCaller struct {
	*stack
	key string
}

func (c programCaller) introspect(token string) string {
	c.t.Helper()
	return c.oauth("introspect", c.key, url.Values{"token": {token}, "token_type_hint": {"nonsense"}}.Encode())
}

func (c programCaller) wantActive(token, tokenType string) {
	c.t.Helper()
	status, body, _ := strings.Cut(c.introspect(token), " ")
	var claims struct {
		Exp, Iat, Nbf int64
		Iss, Aud, Jti string
		User          struct {
			ID   string
			Auth struct{ ID string }
		}
	}
	claimsOf(c.t, token, &claims)
	fields := map[string]any{
		"active": true, "token_type": tokenType, "sub": claims.User.ID, "sid": claims.User.Auth.ID,
		"exp": claims.Exp, "iat": claims.Iat, "nbf": claims.Nbf,
	}
	if claims.Iss != "" {
		fields["iss"], fields["aud"], fields["jti"] = claims.Iss, []string{claims.Aud}, claims.Jti
	}
	want, err := json.Marshal(fields)
	if err != nil {
		c.t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		c.t.Fatalf("%s %s", status, body)
	}
	if again, err := json.Marshal(got); err != nil || status != "200" || string(again) != string(want) {
		c.t.Errorf("%s %s, want %s", status, again, want)
	}
}

func (c programCaller) wantNotActive(what, token string) {
	c.t.Helper()
	if got := c.introspect(token); got != notActive {
		c.t.Errorf("%s: %s", what, got)
	}
}

func (c programCaller) revoke(token string) {
	c.t.Helper()
	if got := c.oauth("revoke", c.key, "token="+token); got != "200 " {
		c.t.Errorf("revocation: %s", got)
	}
}

// TestIntrospection: a token that rekey itself would refuse is not active, and
// the answer says nothing else. A token that rekey would accept is active.
func TestIntrospection(t *testing.T) {
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			s := newStack(t, e, nil)
			ask := programCaller{s, s.keyFor("orders", auth.ScopeIntrospect)}
			gateway := programCaller{s, s.keyFor("gateway", auth.ScopeIntrospect, auth.ScopeIntrospectRefresh)}
			first := s.signUp("ada@example.com")
			ask.wantActive(first.access, "Bearer")
			ask.wantNotActive("a refresh token, to a resource server", first.refresh)
			gateway.wantActive(first.access, "Bearer")
			gateway.wantActive(first.refresh, "refresh_token")

			second := refreshREST(s, first.refresh, "").tokens
			gateway.wantNotActive("a used refresh token", first.refresh)
			ask.wantActive(first.access, "Bearer") // for the overlap
			s.advance(11 * time.Second)
			ask.wantNotActive("a replaced access token", first.access)
			ask.wantActive(second.access, "Bearer")

			s.blacklist(second.access, second.access)
			ask.wantNotActive("an access token blacklisted singly", second.access)
			gateway.wantActive(second.refresh, "refresh_token")
			s.logout(second.refresh)
			gateway.wantNotActive("the refresh token of an ended session", second.refresh)

			third := s.login("ada@example.com")
			if _, err := s.app.core.DisableUser(t.Context(), "ada@example.com", operator()); err != nil {
				t.Fatal(err)
			}
			gateway.wantNotActive("an access token of a disabled user", third.access)
			gateway.wantNotActive("a refresh token of a disabled user", third.refresh)

			eve := s.signUp("eve@example.com")
			s.advance(expiry(t, eve.access).Sub(s.clock()))
			ask.wantNotActive("an expired access token", eve.access)
			gateway.wantActive(eve.refresh, "refresh_token")
			s.exec(`DELETE FROM sessions`)
			gateway.wantNotActive("a token of no session", eve.refresh)
			gateway.wantNotActive("an API key", gateway.key)
		})
	}
}

// TestIntrospection_issuer: the answer contains the claims of the token.
func TestIntrospection_issuer(t *testing.T) {
	s := newStack(t, engines()[0], map[string]string{"ISSUER": "https://auth.example.com", "AUDIENCE": "orders"})
	ask := programCaller{s, s.keyFor("orders", auth.ScopeIntrospect)}
	mine := s.signUp("ada@example.com")
	ask.wantActive(mine.access, "Bearer")
	if got := ask.introspect(mine.access); !strings.Contains(got, `"iss":"https://auth.example.com","aud":["orders"],"jti":"`) {
		t.Error(got)
	}
}

// TestIntrospection_unavailable: a token that cannot be judged is not reported
// as inactive.
func TestIntrospection_unavailable(t *testing.T) {
	s := newStack(t, engines()[0], nil)
	ask := programCaller{s, s.keyFor("orders", auth.ScopeIntrospect, auth.ScopeRevoke)}
	mine := s.signUp("ada@example.com")
	s.advanceReplica(time.Hour) // the replica's clock alone: the token seems to have expired
	for _, endpoint := range []string{"introspect", "revoke"} {
		if got := s.oauth(endpoint, ask.key, "token="+mine.access); !strings.HasPrefix(got, `503 {"error":"temporarily_unavailable"`) {
			t.Errorf("%s: %s", endpoint, got)
		}
	}
}

// TestRevocation: a refresh token revokes its session, an access token only
// itself, and an unknown token counts as revoked.
func TestRevocation(t *testing.T) {
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			s := newStack(t, e, nil)
			ask := programCaller{s, s.keyFor("support", auth.ScopeIntrospect, auth.ScopeRevoke)}
			first := s.signUp("ada@example.com")
			ask.revoke(first.access)
			ask.revoke(first.access)
			if problem := s.access(first.access); problem != "TOKEN_BLACKLISTED" {
				t.Errorf("the access token: %q", problem)
			}
			second := refreshREST(s, first.refresh, "")
			if second.problem != "" {
				t.Fatalf("the refresh token of a revoked access token: %s", second.problem)
			}
			ask.revoke(first.refresh) // a used token still revokes its session
			ask.revoke(second.refresh)
			if problem := s.access(second.access); problem != "SESSION_REVOKED" {
				t.Errorf("the access token of a revoked refresh token: %q", problem)
			}
			if out := refreshREST(s, second.refresh, ""); out.problem != "500 token is blacklisted" {
				t.Errorf("the revoked refresh token: %+v", out)
			}
			for _, nothing := range []string{"nothing", "a.b.c", second.access, second.refresh} {
				ask.revoke(nothing)
			}
			if n := s.number(`SELECT count(*) FROM sessions WHERE revoked_reason = 'service'`); n != 1 || s.log.count("session_revoked") != 1 {
				t.Errorf("%d sessions ended, %d events", n, s.log.count("session_revoked"))
			}
			third := s.login("ada@example.com")
			s.advance(expiry(t, third.access).Sub(s.clock()))
			before := s.number(`SELECT count(*) FROM blacklisted_tokens`)
			ask.revoke(third.access)
			if s.number(`SELECT count(*) FROM blacklisted_tokens`) != before {
				t.Error("an expired access token is noted")
			}
			if got := s.oauth("revoke", ask.key, "token="+ask.key); !strings.HasPrefix(got, `400 {"error":"unsupported_token_type"`) {
				t.Errorf("an API key: %s", got)
			}
		})
	}
}

// TestOAuth_keys: each endpoint requires its own scope, and the last use of a
// key is recorded.
func TestOAuth_keys(t *testing.T) {
	s := newStack(t, engines()[0], nil)
	mine := s.signUp("ada@example.com")
	for endpoint, scope := range map[string]auth.Scope{"introspect": auth.ScopeRevoke, "revoke": auth.ScopeIntrospect} {
		if got := s.oauth(endpoint, s.keyFor("wrong", scope), "token="+mine.access); !strings.HasPrefix(got, `403 {"error":"insufficient_scope"`) {
			t.Errorf("%s with %s: %s", endpoint, scope, got)
		}
	}
	if problem := s.access(mine.access); problem != "" {
		t.Errorf("revoked without the scope: %s", problem)
	}
	s.app.streams.keys.Wait()
	if n := s.number(`SELECT count(*) FROM api_keys WHERE last_used_at IS NOT NULL`); n != 2 {
		t.Errorf("%d uses are noted", n)
	}
	key := s.keyFor("gone", auth.ScopeIntrospect)
	if _, err := s.app.streams.keys.Revoke(t.Context(), strings.Split(key, "_")[1]); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{key, mine.access, "rk_00000000_" + strings.Repeat("0", 64)} {
		if got := s.oauth("introspect", bad, "token="+mine.access); !strings.HasPrefix(got, `401 {"error":"invalid_client"`) {
			t.Errorf("%.20s: %s", bad, got)
		}
	}
}

// TestOAuth_limits: limits are on by default, for a program by its API key and
// for guesses by the address.
func TestOAuth_limits(t *testing.T) {
	s := newStack(t, engines()[0], map[string]string{"RATE_LIMITS": "on"})
	ask := programCaller{s, s.keyFor("orders", auth.ScopeIntrospect)}
	refused := func(key string) (n int) {
		for range 700 {
			if got := s.oauth("introspect", key, "token=x"); strings.HasPrefix(got, "429 ") {
				n++
			}
		}
		return n
	}
	if n := refused("guess"); n != 670 {
		t.Errorf("%d guesses of 700 at once are held", n)
	}
	if n := refused(ask.key); n != 100 {
		t.Errorf("%d calls of 700 at once are held", n)
	}
}
