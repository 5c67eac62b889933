package e2e

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"rekey/verify"
)

// shifted is the real clock, which a test can set forward.
type shifted struct {
	mu sync.Mutex
	by time.Duration
}

func (s *shifted) now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Now().Add(s.by)
}

func (s *shifted) forward(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.by += d
}

func apiKeyFor(t *testing.T, env map[string]string, scopes ...string) string {
	t.Helper()
	args := []string{"apikeys", "create", "--name", "orders"}
	for _, scope := range scopes {
		args = append(args, "--scope", scope)
	}
	key, _, _ := strings.Cut(command(t, env, args...), "\n")
	return key
}

// TestVerifyPackage: another service accepts our tokens without a request,
// refuses them after they are revoked, fetches new keys, and works for a while
// after the server has ended.
func TestVerifyPackage(t *testing.T) {
	for _, engine := range engines() {
		t.Run(engine.name, func(t *testing.T) {
			env := engine.env(t)
			env["JWKS_MAX_AGE"], env["KEY_LEAD"], env["CLOCK_LEEWAY"], env["RATE_LIMITS"] = "1s", "0s", "1s", "off"
			p, c := issuing(t, env), httpClient()
			clock := &shifted{}
			v, err := verify.New(verify.Options{
				URL: p.URL, APIKey: apiKeyFor(t, env, "blacklist:read"), Issuer: p.URL, Audience: p.URL, Now: clock.now,
			})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan struct{})
			go func() { defer close(ended); v.Run(ctx) }()
			t.Cleanup(func() { cancel(); <-ended })
			eve := signUp(t, c, p.URL, "eve@example.com")
			if err := v.Ready(t.Context()); err != nil {
				t.Fatal(err)
			}
			is := func(token string, want error) bool {
				_, err := v.Verify(t.Context(), token)
				return errors.Is(err, want)
			}
			taken := func(token string) bool { return is(token, nil) }
			refused := func(token string) bool { return is(token, verify.ErrInvalid) }
			if !taken(eve.Access) || !refused(eve.Refresh) {
				t.Fatal("a good access token is refused, or a refresh token taken")
			}
			mine := refusedPromptly(t, env, p.URL, taken, refused)

			if engine.name == "SQLite" { // the test of a new key takes long, and does not depend on the database
				for _, k := range runKeys(t, env, "rotate", "--json", "--purpose", "access") {
					eventually(t, "the new key signs", func() bool {
						eve = logIn(t, c, p.URL, "eve@example.com")
						return kidOf(t, eve.Access) == k.KID
					})
				}
			}
			eventually(t, "the last token is taken", func() bool { return is(eve.Access, nil) })

			p.kill()
			if !is(eve.Access, nil) || !is(mine.Access, verify.ErrInvalid) {
				t.Error("it does not outlive rekey")
			}
			clock.forward(2 * time.Minute)
			if !is(eve.Access, verify.ErrUnavailable) {
				t.Error("a token is judged after MaxStale")
			}
		})
	}
}
