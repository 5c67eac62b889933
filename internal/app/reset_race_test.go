package app

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const resetRounds = 10

// together runs the functions at the same time.
func together(fns ...func()) {
	start := make(chan struct{})
	var wg sync.WaitGroup
	for _, fn := range fns {
		wg.Go(func() { <-start; fn() })
	}
	close(start)
	wg.Wait()
}

// TestReset_Races: of several uses of one link, one sets its password. No session
// that began or was refreshed during the reset outlives it, unless it began with
// the new password.
func TestReset_Races(t *testing.T) {
	for _, e := range engines()[:2] {
		t.Run(e.name, func(t *testing.T) {
			s := newStack(t, e, nil)
			s.signUp("ada@example.com")
			password := goodPassword
			for round := range resetRounds {
				access, problem := s.loginWith("ada@example.com", password)
				if problem != "" {
					t.Fatalf("login: %s", problem)
				}
				var pair struct {
					Login struct{ Token, RefreshToken string }
				}
				problem = s.graphql("", `mutation($p: String!) { login(input: {email: "ada@example.com", password: $p}) { token refreshToken } }`,
					map[string]any{"p": password}, &pair)
				if problem != "" {
					t.Fatalf("login: %s", problem)
				}
				token := s.resetLink("ada@example.com")
				var wins atomic.Int32
				var won atomic.Value
				use := func(next string) func() {
					return func() {
						if _, problem := s.reset(token, next); problem == "" {
							wins.Add(1)
							won.Store(next)
						} else if problem != "BAD_USER_INPUT token" {
							t.Errorf("reset: %s", problem)
						}
					}
				}
				before := password
				var late string
				var refreshed outcome
				together(use(fmt.Sprint("one fine horse ", round)), use(fmt.Sprint("two fine horses ", round)),
					func() { late, _ = s.loginWith("ada@example.com", before) },
					func() { refreshed = refreshGraphQL(s, pair.Login.RefreshToken, "") },
				)
				if wins.Load() != 1 {
					t.Fatalf("%d uses of one link", wins.Load())
				}
				password = won.Load().(string)
				for name, token := range map[string]string{"old session": access, "late login": late, "refreshed": refreshed.access} {
					if token == "" {
						continue
					}
					if problem := s.access(token); problem != "SESSION_REVOKED" {
						t.Errorf("%s: %q", name, problem)
					}
				}
				if refreshed.refresh != "" {
					if out := refreshGraphQL(s, refreshed.refresh, ""); out.problem != "SESSION_REVOKED" {
						t.Errorf("the refreshed session: %q", out.problem)
					}
				}
				if _, problem := s.loginWith("ada@example.com", before); problem != "INVALID_CREDENTIALS" {
					t.Errorf("the old password: %q", problem)
				}
				s.advance(time.Minute)
			}
		})
	}
}
