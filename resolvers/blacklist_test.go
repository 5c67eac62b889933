package resolvers_test

import "testing"

const (
	isBlacklisted  = `query($token: String!) { isBlacklisted(token: $token) }`
	blacklistToken = `mutation($token: String!, $reason: String) { blacklistToken(token: $token, reason: $reason) { sessionId use reason expiresAt } }`
)

// TestResolver_IsBlacklisted: exactly the tokens that verify and must not
// authenticate are blacklisted, for every cause.
func TestResolver_IsBlacklisted(t *testing.T) {
	for name, tt := range map[string]struct {
		happens         func(t *testing.T, s *stack, mine pair)
		access, refresh bool
	}{
		"nothing happens": {func(*testing.T, *stack, pair) {}, false, false},
		"rotated away": {func(t *testing.T, s *stack, mine pair) {
			next := field[pair](t, s.refresh(t, mine.RefreshToken, nil), "refreshToken")
			field[pair](t, s.refresh(t, next.RefreshToken, nil), "refreshToken") // the parent's access token still works
		}, true, true},
		"logged out": {func(t *testing.T, s *stack, mine pair) {
			field[int](t, s.send(t, `mutation { logout }`, nil, bearer(mine.Token)...), "logout")
		}, true, true},
		"revoked": {func(t *testing.T, s *stack, mine pair) {
			field[session](t, s.send(t, `mutation($id: ID!) { revokeSession(id: $id) { id } }`, map[string]any{"id": mine.Session.ID}, bearer(s.login(t).Token)...), "revokeSession")
		}, true, true},
		"the access token blacklisted": {func(t *testing.T, s *stack, mine pair) {
			field[any](t, s.send(t, blacklistToken, map[string]any{"token": mine.Token}, bearer(mine.Token)...), "blacklistToken")
		}, true, false},
		"the refresh token blacklisted": {func(t *testing.T, s *stack, mine pair) {
			field[any](t, s.send(t, blacklistToken, map[string]any{"token": mine.RefreshToken}, bearer(mine.Token)...), "blacklistToken")
		}, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStack(t)
			mine := s.signUp(t)
			tt.happens(t, s, mine)
			asking := bearer(s.login(t).Token)
			for token, want := range map[string]bool{mine.Token: tt.access, mine.RefreshToken: tt.refresh} {
				if got := field[bool](t, s.send(t, isBlacklisted, map[string]any{"token": token}, asking...), "isBlacklisted"); got != want {
					t.Errorf("isBlacklisted = %v, of the access token: %v", got, token == mine.Token)
				}
			}
		})
	}
}

// TestResolver_Blacklist_another: the answer reveals nothing about another person's
// token, and the token is unchanged.
func TestResolver_Blacklist_another(t *testing.T) {
	s := newStack(t)
	mine := s.signUp(t)
	eve := field[pair](t, s.send(t, signUp, map[string]any{"input": map[string]any{"name": "Eve", "email": "eve@example.com", "password": password}}), "signUp")
	for _, token := range []string{mine.Token, mine.RefreshToken} {
		for _, document := range []string{isBlacklisted, blacklistToken} {
			if got := s.send(t, document, map[string]any{"token": token}, bearer(eve.Token)...).refused(); got != "FORBIDDEN" {
				t.Errorf("%s: %q", document, got)
			}
		}
		if field[bool](t, s.send(t, isBlacklisted, map[string]any{"token": token}, bearer(mine.Token)...), "isBlacklisted") {
			t.Error("it is blacklisted")
		}
	}
}
