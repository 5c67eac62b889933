package blacklist_test

import (
	"testing"
	"time"

	"rekey/internal/auth"
	"rekey/internal/blacklist"
	"rekey/internal/test/throwaway"
)

// TestAccessCheck_Forged: a token that was signed with the access key, but belongs
// to no session, is refused however often it is presented, although the cache has
// no entry for it. Only the session's own secret and user are accepted. SQL is
// asked once about each token that a replica has not seen.
func TestAccessCheck_Forged(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(s *stage) *blacklist.Cache{
		"memory": func(s *stage) *blacklist.Cache { return blacklist.NewMemory(s.options()) },
		"redis":  func(s *stage) *blacklist.Cache { return openRedis(t, s, throwaway.Redis(t).URL()) },
	} {
		t.Run(name, func(t *testing.T) {
			h := openCore(t, open)
			g, other := h.signUp(t), h.signUp(t)
			claims, err := h.codec.Verify(auth.UseAccess, g.AccessToken, h.clock.Now())
			if err != nil {
				t.Fatal(err)
			}
			forge := func(change func(c *auth.Claims)) string {
				t.Helper()
				forged := claims
				change(&forged)
				tok, err := h.codec.Mint(auth.UseAccess, forged)
				if err != nil {
					t.Fatal(err)
				}
				return tok
			}
			invented := auth.NewID(h.clock.Now()).String()
			for what, tok := range map[string]string{
				"an invented session": forge(func(c *auth.Claims) { c.SessionID = invented }),
				"all invented":        forge(func(c *auth.Claims) { c.SessionID, c.Secret, c.User.ID = invented, "x", invented }),
				"an invented secret":  forge(func(c *auth.Claims) { c.Secret = "x" }),
				"no secret":           forge(func(c *auth.Claims) { c.Secret = "" }),
				"an invented user":    forge(func(c *auth.Claims) { c.User.ID = invented }),
				"another user":        forge(func(c *auth.Claims) { c.User.ID = other.User.ID }),
				"another session":     forge(func(c *auth.Claims) { c.SessionID = other.Session.ID }),
			} {
				for range 3 {
					h.check(t, g)
					if _, err := h.core.Authenticate(t.Context(), tok, auth.Client{}); err == nil || auth.AsError(err).Code != auth.CodeUnauthenticated {
						t.Fatalf("%s: %v", what, err)
					}
				}
			}
			sibling := *h
			sibling.core = newCoreWith(t, h.stage, h.codec, h.store, h.cache)
			renewed := g
			renewed.AccessToken = forge(func(c *auth.Claims) { c.ExpiresAt = c.ExpiresAt.Add(-time.Second) })
			h.checkAsked(t, "the replica that minted it", *h, g, 0)
			h.checkAsked(t, "another replica", sibling, g, 1)
			h.checkAsked(t, "another replica, again", sibling, g, 0)
			h.checkAsked(t, "the same secret with other times", *h, renewed, 1)
			h.checkAsked(t, "the same secret with other times, again", *h, renewed, 0)
			h.logout(t, g)
			for _, core := range []*auth.Service{h.core, sibling.core} {
				if _, err := core.Authenticate(t.Context(), g.AccessToken, auth.Client{}); err == nil {
					t.Error("a remembered token is accepted after the logout")
				}
			}
		})
	}
}

// checkAsked checks a token on a replica, and that SQL was asked so often.
func (h *coreStage) checkAsked(t *testing.T, what string, on coreStage, g auth.Grant, want int) {
	t.Helper()
	if n := h.asked(func() { on.check(t, g) }); n != want {
		t.Errorf("%s: %d round trips of SQL, want %d", what, n, want)
	}
}
