package app

import (
	"sync"
	"testing"
	"time"

	"rekey/internal/auth"
)

const reauthKey = "a-key-for-one-proof-of-a-credential"

// reauthenticate proves a password, or a code if the password is empty.
func (s *stack) reauthenticate(p tokens, password, code, key string) outcome {
	s.t.Helper()
	s.sent(key)
	input := map[string]any{"refreshToken": p.refresh}
	if password != "" {
		input["password"] = password
	}
	if code != "" {
		input["code"] = code
	}
	vars := map[string]any{"in": input}
	if key != "" {
		vars["k"] = key
	}
	var data struct {
		Reauthenticate struct{ Token, RefreshToken string }
	}
	problem := s.graphql(p.access, `mutation($in: ReauthenticateInput!, $k: String) { reauthenticate(input: $in, idempotencyKey: $k) { token refreshToken } }`, vars, &data)
	return outcome{tokens{data.Reauthenticate.Token, data.Reauthenticate.RefreshToken}, problem}
}

// recent returns "" if the session was authenticated recently.
func (s *stack) recent(access string) string {
	_, err := s.app.core.RecentCaller(s.t.Context(), access, auth.Client{})
	if err == nil {
		return ""
	}
	return string(auth.AsError(err).Reason)
}

func (s *stack) isRecent(what, access, want string) {
	s.t.Helper()
	if got := s.recent(access); got != want {
		s.t.Errorf("%s: %q, want %q", what, got, want)
	}
}

// mailedCode requests a code and returns it.
func (s *stack) mailedCode(access string) string {
	s.t.Helper()
	var data struct{ RequestReauthentication bool }
	if problem := s.graphql(access, `mutation { requestReauthentication(locale: "hu") }`, nil, &data); problem != "" {
		s.t.Fatal(problem)
	}
	var newest auth.Mail
	for _, m := range s.mails() {
		if m.Kind == auth.MailReauthenticate && !m.At.Before(newest.At) {
			newest = m
		}
	}
	if newest.To != "ada@example.com" || newest.Locale != "hu" || newest.Link != "" || len(newest.Code) != 8 || !newest.ExpiresAt.Equal(s.clock().Add(10*time.Minute)) {
		s.t.Fatalf("mail to %s in %s, expires at %s", newest.To, newest.Locale, newest.ExpiresAt)
	}
	return newest.Code
}

// TestReauthenticate: a proof makes the session recent, and a refresh does not. A
// wrong credential uses nothing up. A lost answer is repeated with the same key.
func TestReauthenticate(t *testing.T) {
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			s := newStack(t, e, nil)
			first := s.signUp("ada@example.com")
			s.isRecent("after the sign-up", first.access, "")
			s.advance(11 * time.Minute)
			s.isRecent("later", first.access, "STEP_UP_REQUIRED")
			if got := s.access(first.access); got != "" {
				t.Errorf("the token of a session that is not recent: %q", got)
			}
			second := s.mustRefresh(first.refresh)
			s.isRecent("after a refresh", second.access, "STEP_UP_REQUIRED")

			if out := s.reauthenticate(second, "wrong horse battery", "", reauthKey); out.problem != "BAD_USER_INPUT password" {
				t.Errorf("wrong password: %q", out.problem)
			}
			if out := s.reauthenticate(second, "", "", reauthKey); out.problem != "BAD_USER_INPUT password" {
				t.Errorf("no credential: %q", out.problem)
			}
			s.isRecent("after wrong ones", second.access, "STEP_UP_REQUIRED")
			third := s.reauthenticate(second, goodPassword, "", reauthKey)
			if third.problem != "" {
				t.Fatal(third.problem)
			}
			s.isRecent("after the proof", third.access, "")

			s.advance(16 * time.Minute) // the access token has expired, as that of a repeat may
			if out := s.reauthenticate(second, goodPassword, "", reauthKey); out != third {
				t.Errorf("a repeat got another pair: %q", out.problem)
			}
			if out := s.reauthenticate(second, "wrong horse battery", "", reauthKey); out.problem != "BAD_USER_INPUT password" {
				t.Errorf("a repeat with a wrong password: %q", out.problem)
			}
			if out := refreshGraphQL(s, second.refresh, reauthKey); out.tokens != third.tokens {
				t.Errorf("a refresh with the key got another pair: %q", out.problem)
			}
			fourth := s.mustRefresh(third.refresh)
			s.isRecent("the next refresh", fourth.access, "STEP_UP_REQUIRED")
		})
	}
}

// TestReauthenticate_code: the mailed code is the other proof. It works once, and
// again only with the key that it was used with.
func TestReauthenticate_code(t *testing.T) {
	for _, e := range engines()[:2] {
		t.Run(e.name, func(t *testing.T) {
			s := newStack(t, e, nil)
			first := s.signUp("ada@example.com")
			s.advance(11 * time.Minute)
			code := s.mailedCode(first.access)
			second := s.reauthenticate(first, "", code, reauthKey)
			if second.problem != "" {
				t.Fatal(second.problem)
			}
			s.isRecent("after the code", second.access, "")
			if out := s.reauthenticate(first, "", code, reauthKey); out != second {
				t.Errorf("a repeat got another pair: %q", out.problem)
			}
			if out := s.reauthenticate(second.tokens, "", code, "another-key-of-another-rotation"); out.problem != "BAD_USER_INPUT code" {
				t.Errorf("the code a second time: %q", out.problem)
			}
			if out := s.reauthenticate(second.tokens, "", "", ""); out.problem != "BAD_USER_INPUT password" {
				t.Errorf("no credential: %q", out.problem)
			}
			if n := s.number(`SELECT count(*) FROM sessions WHERE methods = 'PASSWORD EMAIL'`); n != 1 {
				t.Errorf("%d sessions have both methods", n)
			}
		})
	}
}

// TestReauthenticate_pair: both tokens must belong to one session, and a refresh that
// was faster does not count as a proof.
func TestReauthenticate_pair(t *testing.T) {
	s := newStack(t, engines()[0], nil)
	one := s.signUp("ada@example.com")
	other := s.login("ada@example.com")
	if out := s.reauthenticate(tokens{one.access, other.refresh}, goodPassword, "", ""); out.problem != "BAD_USER_INPUT refreshToken" {
		t.Errorf("tokens of two sessions: %q", out.problem)
	}
	if out := s.reauthenticate(tokens{one.access, ""}, goodPassword, "", ""); out.problem != "BAD_USER_INPUT refreshToken" {
		t.Errorf("no refresh token: %q", out.problem)
	}
	if out := s.reauthenticate(tokens{"", one.refresh}, goodPassword, "", ""); out.problem != "TOKEN_MISSING" {
		t.Errorf("no access token: %q", out.problem)
	}
	s.advance(time.Minute)
	next := refreshGraphQL(s, one.refresh, reauthKey)
	if out := s.reauthenticate(one, goodPassword, "", reauthKey); out.problem != "TOKEN_BLACKLISTED" {
		t.Errorf("after a refresh with the same key: %q", out.problem)
	}
	if out := refreshGraphQL(s, one.refresh, reauthKey); out.tokens != next.tokens {
		t.Errorf("the pair of that refresh: %q", out.problem)
	}
	changed := s.mustChange(next.access, changeKey)
	s.isRecent("after a change of the password", changed.access, "")
	s.advance(11 * time.Minute)
	s.isRecent("later", changed.access, "STEP_UP_REQUIRED")
}

// TestReauthenticate_race: of requests with one token there is one successor,
// whether they refresh or prove a credential, with one key or with several.
func TestReauthenticate_race(t *testing.T) {
	for _, e := range engines()[:2] {
		t.Run(e.name, func(t *testing.T) {
			s := newStack(t, e, nil)
			p := s.signUp("ada@example.com")
			for round := range 20 {
				s.advance(time.Minute)
				key := ""
				if round%2 == 0 {
					key = reauthKey + string(rune('a'+round))
				}
				var outs [4]outcome
				var wg sync.WaitGroup
				for i := range outs {
					wg.Go(func() {
						if i%2 == 0 {
							outs[i] = s.reauthenticate(p, goodPassword, "", key)
						} else {
							outs[i] = refreshGraphQL(s, p.refresh, key)
						}
					})
				}
				wg.Wait()
				var next tokens
				for _, out := range outs {
					switch {
					case out.problem != "" && out.problem != "TOKEN_BLACKLISTED":
						t.Fatalf("round %d: %q", round, out.problem)
					case out.problem == "" && next != (tokens{}) && out.tokens != next:
						t.Fatalf("round %d: two successors", round)
					case out.problem == "":
						next = out.tokens
					}
				}
				if next == (tokens{}) {
					t.Fatalf("round %d: no successor", round)
				}
				p = next
			}
		})
	}
}
