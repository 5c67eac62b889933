package app

import (
	"slices"
	"sync"
	"testing"
	"time"

	"rekey/internal/test/racing"
)

const startKey = "a-key-for-one-start-of-a-session"

// start is a login or a sign-up with an idempotency key.
type start struct {
	operation string // login or signUp
	email     string
	password  string
	key       string
}

func (s *stack) start(in start) (tokens, string) {
	s.t.Helper()
	s.sent(in.key)
	document := map[string]string{
		"login":  `mutation($e: String!, $p: String!, $k: String) { start: login(input: {email: $e, password: $p}, idempotencyKey: $k) { token refreshToken } }`,
		"signUp": `mutation($e: String!, $p: String!, $k: String) { start: signUp(input: {name: "Ada", email: $e, password: $p}, idempotencyKey: $k) { token refreshToken } }`,
	}[in.operation]
	vars := map[string]any{"e": in.email, "p": in.password}
	if in.key != "" {
		vars["k"] = in.key
	}
	var data struct {
		Start struct{ Token, RefreshToken string }
	}
	problem := s.graphql("", document, vars, &data)
	return tokens{data.Start.Token, data.Start.RefreshToken}, problem
}

func (s *stack) mustStart(in start) tokens {
	s.t.Helper()
	pair, problem := s.start(in)
	if problem != "" {
		s.t.Fatalf("%s: %s", in.operation, problem)
	}
	return pair
}

// TestStart_repeated: a login and a sign-up whose answer was lost get the same pair
// by the same key, and start no second session. The key alone is not enough.
func TestStart_repeated(t *testing.T) {
	for _, e := range engines() {
		for _, operation := range []string{"login", "signUp"} {
			t.Run(e.name+"/"+operation, func(t *testing.T) {
				s := newStack(t, e, nil)
				s.signUp("bob@example.com")
				in := start{operation, "ada@example.com", goodPassword, startKey}
				if operation == "login" {
					s.signUp(in.email)
				}
				sessions := s.number(`SELECT count(*) FROM sessions`) + 1
				first := s.mustStart(in)
				s.advance(time.Minute)
				if again := s.mustStart(in); again != first {
					t.Error("a repeat got another pair")
				}
				if n := s.number(`SELECT count(*) FROM sessions`); n != sessions {
					t.Errorf("%d sessions, want %d", n, sessions)
				}
				wrong := in
				wrong.password = betterPassword
				want := map[string]string{"login": "INVALID_CREDENTIALS", "signUp": "CONFLICT email"}[operation]
				if _, problem := s.start(wrong); problem != want {
					t.Errorf("with a wrong password: %q, want %q", problem, want)
				}
				other := start{"login", "bob@example.com", goodPassword, startKey}
				if pair := s.mustStart(other); pair == first {
					t.Error("another account got the pair")
				}
				s.mustRefresh(first.refresh)
				again, problem := s.start(in)
				switch {
				case operation == "signUp" && problem != "CONFLICT email":
					t.Errorf("a sign-up after the refresh: %q", problem)
				case operation == "login" && (problem != "" || again == first):
					t.Errorf("a login after the refresh: %q, same pair: %v", problem, again == first)
				}
			})
		}
	}
}

// TestStart_together: simultaneous logins and sign-ups with one key get one pair.
func TestStart_together(t *testing.T) {
	for _, e := range engines()[:2] {
		for _, operation := range []string{"login", "signUp"} {
			t.Run(e.name+"/"+operation, func(t *testing.T) {
				s := newStack(t, e, nil)
				in := start{operation, "ada@example.com", goodPassword, startKey}
				if operation == "login" {
					s.signUp(in.email)
				}
				var mu sync.Mutex
				var pairs []tokens
				racer := func() {
					pair := s.mustStart(in)
					mu.Lock()
					defer mu.Unlock()
					pairs = append(pairs, pair)
				}
				racing.Together(racer, racer, racer, racer)
				if pairs = slices.Compact(pairs); len(pairs) != 1 {
					t.Errorf("%d different pairs", len(pairs))
				}
			})
		}
	}
}

// TestStart_otherKeys: other keys start other sessions, and an invalid key starts
// none.
func TestStart_otherKeys(t *testing.T) {
	s := newStack(t, engines()[0], nil)
	s.signUp("ada@example.com")
	in := start{"login", "ada@example.com", goodPassword, startKey}
	first := s.mustStart(in)
	in.key += "2"
	if s.mustStart(in) == first {
		t.Error("another key got the same pair")
	}
	for _, operation := range []string{"login", "signUp"} {
		if _, problem := s.start(start{operation, "eve@example.com", goodPassword, "short"}); problem != "BAD_USER_INPUT idempotencyKey" {
			t.Errorf("%s with a short key: %q", operation, problem)
		}
	}
}

// TestLogin_noPassword: an account without a password refuses every password as a
// wrong one.
func TestLogin_noPassword(t *testing.T) {
	s := newStack(t, engines()[0], nil)
	pair := s.signUp("ada@example.com")
	s.exec(`UPDATE users SET password_hash = ''`)
	if _, problem := s.loginWith("ada@example.com", goodPassword); problem != "INVALID_CREDENTIALS" {
		t.Errorf("login: %q", problem)
	}
	if got := s.changePassword(pair.access, betterPassword, ""); got.problem != "BAD_USER_INPUT currentPassword" {
		t.Errorf("change: %q", got.problem)
	}
	var me struct{ Me struct{ HasPassword bool } }
	if problem := s.graphql(pair.access, `{ me { hasPassword } }`, nil, &me); problem != "" || me.Me.HasPassword {
		t.Errorf("%q, hasPassword: %v", problem, me.Me.HasPassword)
	}
}
