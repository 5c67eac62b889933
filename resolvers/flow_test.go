package resolvers_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"
)

const (
	payload = `{ token refreshToken tokenExpiration expiresIn refreshExpiration serverTime
		user { id name email emailVerifiedAt createdAt updatedAt }
		session { id current generation userAgent ipAddress createdAt lastSeenAt expiresAt absoluteExpiresAt revokedAt revokedReason } }`
	signUp  = `mutation($input: SignUpInput!) { signUp(input: $input) ` + payload + ` }`
	login   = `mutation($input: LoginInput!) { login(input: $input) ` + payload + ` }`
	refresh = `mutation($token: String, $key: String) { refreshToken(refreshToken: $token, idempotencyKey: $key) ` + payload + ` }`
	me      = `{ me { id email } }`

	password = "correct horse"
	key      = "a-key-of-16-and-more"
)

type pair struct {
	Token, RefreshToken                            string
	TokenExpiration, RefreshExpiration, ServerTime int64
	ExpiresIn                                      int
	User                                           struct{ ID, Name, Email string }
	Session                                        session
}

type session struct {
	ID            string
	Current       bool
	Generation    int
	RevokedReason *string
}

func (s *stack) signUp(t *testing.T) pair {
	t.Helper()
	a := s.send(t, signUp, map[string]any{"input": map[string]any{"name": "Ada", "email": "Ada@example.com", "password": password}})
	return field[pair](t, a, "signUp")
}

func (s *stack) login(t *testing.T) pair {
	t.Helper()
	a := s.send(t, login, map[string]any{"input": map[string]any{"email": "ada@EXAMPLE.com", "password": password}})
	return field[pair](t, a, "login")
}

func (s *stack) refresh(t *testing.T, token, key any, header ...string) answer {
	t.Helper()
	variables := map[string]any{}
	if token != nil {
		variables["token"] = token
	}
	if key != nil {
		variables["key"] = key
	}
	return s.send(t, refresh, variables, header...)
}

func bearer(token string) []string { return []string{"Authorization", "Bearer " + token} }

func TestResolver_SignUpAndMe(t *testing.T) {
	s := newStack(t)
	p := s.signUp(t)
	if p.ExpiresIn != 900 || p.TokenExpiration-p.ServerTime != 900 || p.User.Email != "Ada@example.com" ||
		!p.Session.Current || p.Session.Generation != 1 {
		t.Errorf("payload = %+v", p)
	}
	got := field[struct{ ID, Email string }](t, s.send(t, me, nil, bearer(p.Token)...), "me")
	if got.ID != p.User.ID || got.Email != p.User.Email {
		t.Errorf("me = %+v", got)
	}
	again := s.send(t, signUp, map[string]any{"input": map[string]any{"name": "Eve", "email": " ADA@example.com", "password": password}})
	if again.refused() != "CONFLICT" || again.status != http.StatusOK {
		t.Errorf("%d %s", again.status, again.refused())
	}
}

// TestResolver_SignUpFields: a form can mark every field that is not allowed.
func TestResolver_SignUpFields(t *testing.T) {
	s := newStack(t)
	a := s.send(t, signUp, map[string]any{"input": map[string]any{"name": " ", "email": "no address", "password": "short"}})
	if a.refused() != "BAD_USER_INPUT" {
		t.Fatal(a.refused())
	}
	fields, _ := a.Errors[0].Extensions["fields"].([]any)
	var names []any
	for _, f := range fields {
		fault, _ := f.(map[string]any)
		if message, _ := fault["message"].(string); message == "" {
			t.Errorf("no message: %v", fault)
		}
		names = append(names, fault["field"])
	}
	if fmt.Sprint(names) != "[name email password]" || a.Errors[0].Extensions["field"] != "name" {
		t.Errorf("fields = %v, field = %v", names, a.Errors[0].Extensions["field"])
	}
}

func TestResolver_Auth(t *testing.T) {
	s := newStack(t)
	p := s.signUp(t)
	for name, c := range map[string]struct {
		header []string
		want   string
	}{
		"no token":      {nil, "UNAUTHENTICATED TOKEN_MISSING"},
		"another kind":  {[]string{"Authorization", "Basic eDp5"}, "UNAUTHENTICATED TOKEN_MISSING"},
		"no JWT":        {bearer("x"), "UNAUTHENTICATED TOKEN_INVALID"},
		"refresh token": {bearer(p.RefreshToken), "UNAUTHENTICATED TOKEN_INVALID"},
	} {
		t.Run(name, func(t *testing.T) {
			a := s.send(t, me, nil, c.header...)
			if a.refused() != c.want || a.status != http.StatusUnauthorized || a.header.Get("WWW-Authenticate") != "Bearer" {
				t.Errorf("%d %s %v", a.status, a.refused(), a.header)
			}
		})
	}
	t.Run("expired", func(t *testing.T) {
		s.setNow(time.Now().Add(time.Hour))
		if got := s.send(t, me, nil, bearer(p.Token)...).refused(); got != "UNAUTHENTICATED TOKEN_EXPIRED" {
			t.Error(got)
		}
	})
}

// The access token is looked at once, however many fields ask.
func TestResolver_AuthOnce(t *testing.T) {
	s := newStack(t)
	p := s.signUp(t)
	a := s.send(t, `{ me { id } session { id } sessions { id } a: me { name } b: sessions { current } }`, nil, bearer(p.Token)...)
	if len(a.Errors) > 0 || s.checks.Load() != 1 {
		t.Errorf("%d checks, %v", s.checks.Load(), a.Errors)
	}
}

func TestResolver_RefreshToken(t *testing.T) {
	s := newStack(t)
	first := s.signUp(t)
	// urql sends the expired access token along.
	s.setNow(time.Now().Add(20 * time.Minute))
	a := s.refresh(t, first.RefreshToken, key, bearer(first.Token)...)
	second := field[pair](t, a, "refreshToken")
	if second.RefreshToken == first.RefreshToken || second.Session.ID != first.Session.ID || second.Session.Generation != 2 {
		t.Errorf("second pair = %+v", second)
	}
	t.Run("retry with the key", func(t *testing.T) {
		for name, retry := range map[string]answer{
			"argument": s.refresh(t, first.RefreshToken, key),
			"header":   s.refresh(t, first.RefreshToken, nil, "Idempotency-Key", key),
			"bearer":   s.refresh(t, nil, nil, "Idempotency-Key", key, "Authorization", "bearer "+first.RefreshToken),
		} {
			if got := field[pair](t, retry, "refreshToken"); got.Token != second.Token || got.RefreshToken != second.RefreshToken {
				t.Errorf("%s: another pair", name)
			}
		}
	})
	t.Run("repeated after its access token expired", func(t *testing.T) {
		s.setNow(time.Now().Add(50 * time.Minute))
		if got := field[pair](t, s.refresh(t, first.RefreshToken, key), "refreshToken"); got.ExpiresIn != 0 {
			t.Errorf("expiresIn = %d", got.ExpiresIn)
		}
	})
	t.Run("keys that differ", func(t *testing.T) {
		a := s.refresh(t, second.RefreshToken, key, "Idempotency-Key", key+"!")
		if a.refused() != "BAD_USER_INPUT" || a.Errors[0].Extensions["field"] != "idempotencyKey" {
			t.Errorf("%+v", a.Errors)
		}
	})
	t.Run("no token", func(t *testing.T) {
		if got := s.refresh(t, nil, nil).refused(); got != "UNAUTHENTICATED TOKEN_MISSING" {
			t.Error(got)
		}
	})
	t.Run("bearer", func(t *testing.T) {
		third := field[pair](t, s.refresh(t, nil, nil, bearer(second.RefreshToken)...), "refreshToken")
		if third.Session.Generation != 3 {
			t.Errorf("third pair = %+v", third)
		}
	})
	t.Run("a burst", func(t *testing.T) {
		if got := s.refresh(t, first.RefreshToken, nil).refused(); got != "UNAUTHENTICATED TOKEN_BLACKLISTED" {
			t.Error(got)
		}
	})
	t.Run("reuse", func(t *testing.T) {
		s.endBursts(t)
		if got := s.refresh(t, first.RefreshToken, nil).refused(); got != "UNAUTHENTICATED TOKEN_REUSED" {
			t.Error(got)
		}
	})
}

func TestResolver_LoginRefused(t *testing.T) {
	s := newStack(t)
	s.signUp(t)
	for _, email := range []string{"ada@example.com", "nobody@example.com"} {
		a := s.send(t, login, map[string]any{"input": map[string]any{"email": email, "password": "not it at all"}}, bearer("x")...)
		if a.refused() != "UNAUTHENTICATED INVALID_CREDENTIALS" || a.status != http.StatusUnauthorized {
			t.Errorf("%s: %d %s", email, a.status, a.refused())
		}
	}
}

func TestResolver_Logout(t *testing.T) {
	const logout = `mutation($scope: LogoutScope, $token: String) { logout(scope: $scope, refreshToken: $token) }`
	s := newStack(t)
	first := s.signUp(t)
	ended := func(scope string, variables map[string]any, header ...string) int {
		t.Helper()
		if scope != "" {
			variables["scope"] = scope
		}
		return field[int](t, s.send(t, logout, variables, header...), "logout")
	}
	t.Run("by argument, ignoring the header", func(t *testing.T) {
		p := s.login(t)
		if got := ended("", map[string]any{"token": p.RefreshToken}, bearer("x")...); got != 1 {
			t.Errorf("%d ended", got)
		}
		if got := ended("THIS", map[string]any{"token": p.RefreshToken}); got != 0 {
			t.Errorf("%d ended the second time", got)
		}
		if got := s.send(t, me, nil, bearer(p.Token)...).refused(); got != "UNAUTHENTICATED SESSION_REVOKED" {
			t.Error(got)
		}
	})
	t.Run("by bearer", func(t *testing.T) {
		if got := ended("", map[string]any{}, bearer(s.login(t).Token)...); got != 1 {
			t.Errorf("%d ended", got)
		}
	})
	t.Run("nothing to end", func(t *testing.T) {
		for name, variables := range map[string]map[string]any{"no token": {}, "garbage": {"token": "not.a.token"}} {
			if got := ended("THIS", variables); got != 0 {
				t.Errorf("%s: %d ended", name, got)
			}
		}
	})
	t.Run("without a token", func(t *testing.T) {
		for scope, variables := range map[string]map[string]any{
			"OTHERS": {"token": first.RefreshToken}, "ALL": {"token": first.RefreshToken},
		} {
			variables["scope"] = scope
			if got := s.send(t, logout, variables).refused(); got != "UNAUTHENTICATED TOKEN_MISSING" {
				t.Errorf("%s: %s", scope, got)
			}
		}
	})
	t.Run("others, then all", func(t *testing.T) {
		s.login(t)
		s.login(t)
		if got := ended("OTHERS", map[string]any{}, bearer(first.Token)...); got != 2 {
			t.Errorf("%d others ended", got)
		}
		s.login(t)
		if got := ended("ALL", map[string]any{}, bearer(first.Token)...); got != 2 {
			t.Errorf("%d ended", got)
		}
	})
}

func TestResolver_Sessions(t *testing.T) {
	s := newStack(t)
	first := s.signUp(t)
	s.setNow(s.now.Load().Add(time.Second))
	second := s.login(t)
	list := field[[]session](t, s.send(t, `{ sessions { id current } }`, nil, bearer(first.Token)...), "sessions")
	if len(list) != 2 || list[0].ID != second.Session.ID || list[0].Current || !list[1].Current {
		t.Errorf("sessions = %+v", list)
	}
	const revoke = `mutation($id: ID!) { revokeSession(id: $id) { id current revokedReason } }`
	ended := field[session](t, s.send(t, revoke, map[string]any{"id": second.Session.ID}, bearer(first.Token)...), "revokeSession")
	if ended.ID != second.Session.ID || ended.Current || ended.RevokedReason == nil || *ended.RevokedReason != "revoked" {
		t.Errorf("revoked = %+v", ended)
	}
	unknown := s.send(t, revoke, map[string]any{"id": "00000000-0000-4000-8000-000000000000"}, bearer(first.Token)...)
	if unknown.refused() != "NOT_FOUND" {
		t.Error(unknown.refused())
	}
	own := field[session](t, s.send(t, `{ session { id current } }`, nil, bearer(first.Token)...), "session")
	if own.ID != first.Session.ID || !own.Current {
		t.Errorf("session = %+v", own)
	}
}

func TestResolver_Blacklist(t *testing.T) {
	s := newStack(t)
	asking, other := s.signUp(t), s.login(t)
	is := func(token string) bool {
		return field[bool](t, s.send(t, isBlacklisted, map[string]any{"token": token}, bearer(asking.Token)...), "isBlacklisted")
	}
	if is(other.Token) || is(other.RefreshToken) {
		t.Error("live tokens are blacklisted")
	}
	note := field[struct {
		SessionID, Use string
		Reason         *string
	}](t, s.send(t, blacklistToken, map[string]any{"token": other.Token, "reason": "lost phone"}, bearer(asking.Token)...), "blacklistToken")
	if note.SessionID != other.Session.ID || note.Use != "ACCESS" || *note.Reason != "lost phone" {
		t.Errorf("note = %+v", note)
	}
	if !is(other.Token) || is(other.RefreshToken) {
		t.Error("not the access token alone is blacklisted")
	}
	if got := s.send(t, isBlacklisted, map[string]any{"token": "x"}, bearer(asking.Token)...).refused(); got != "BAD_USER_INPUT" {
		t.Error(got)
	}
	if got := s.send(t, isBlacklisted, map[string]any{"token": "x"}).refused(); got != "UNAUTHENTICATED TOKEN_MISSING" {
		t.Error(got)
	}
}

func TestResolver_ChangePassword(t *testing.T) {
	const change = `mutation($input: ChangePasswordInput!) { changePassword(input: $input) { sessionsEnded tokens { token refreshToken device session { id generation } } } }`
	s := newStack(t)
	first := s.signUp(t)
	s.login(t)
	input := map[string]any{"input": map[string]any{"currentPassword": "not it at all", "newPassword": "battery staple"}}
	wrong := s.send(t, change, input, bearer(first.Token)...)
	if wrong.refused() != "BAD_USER_INPUT" || wrong.Errors[0].Extensions["field"] != "currentPassword" {
		t.Errorf("%+v", wrong.Errors)
	}
	input["input"].(map[string]any)["currentPassword"] = password
	got := field[struct {
		SessionsEnded int
		Tokens        struct {
			pair
			Device string
		}
	}](t, s.send(t, change, input, bearer(first.Token)...), "changePassword")
	if got.SessionsEnded != 1 || got.Tokens.Session.ID != first.Session.ID || got.Tokens.Session.Generation != 2 || got.Tokens.Device == "" {
		t.Errorf("%+v", got)
	}
	if refused := s.send(t, me, nil, bearer(first.Token)...).refused(); refused != "UNAUTHENTICATED TOKEN_BLACKLISTED" {
		t.Errorf("the old access token: %q", refused)
	}
	if refused := s.send(t, me, nil, bearer(got.Tokens.Token)...).refused(); refused != "" {
		t.Errorf("the new access token: %s", refused)
	}
	if refused := s.send(t, change, input).refused(); refused != "UNAUTHENTICATED TOKEN_MISSING" {
		t.Errorf("without a token: %q", refused)
	}
}

// TestResolver_DatabaseDown: a failure of the database is never reported as 401.
func TestResolver_DatabaseDown(t *testing.T) {
	s := newStack(t)
	p := s.signUp(t)
	if err := s.store.Close(); err != nil {
		t.Fatal(err)
	}
	for name, a := range map[string]answer{
		"me":      s.send(t, me, nil, bearer(p.Token)...),
		"refresh": s.refresh(t, p.RefreshToken, nil),
	} {
		if a.refused() != "UNAVAILABLE" || a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" ||
			a.Errors[0].Extensions["retryable"] != true {
			t.Errorf("%s: %d %+v", name, a.status, a.Errors)
		}
	}
}
