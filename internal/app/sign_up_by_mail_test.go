package app

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rekey/internal/auth"
)

func (s *stack) requestSignUp(email string) (problem string) {
	s.t.Helper()
	s.advance(time.Millisecond) // ids of mails sort by time
	var data struct{ RequestSignUp bool }
	problem = s.graphql("", `mutation($e: String!) { requestSignUp(input: {name: " Ada Lovelace ", email: $e, locale: "pt_br"}) }`, map[string]any{"e": email}, &data)
	if problem == "" && !data.RequestSignUp {
		s.t.Error("the answer is false")
	}
	return problem
}

// signUpLink requests a sign-up and returns the token of the mail.
func (s *stack) signUpLink(email string) string {
	s.t.Helper()
	if problem := s.requestSignUp(email); problem != "" {
		s.t.Fatalf("requestSignUp: %s", problem)
	}
	return s.lastLink(auth.MailCompleteSignUp, auth.PurposeCompleteSignUp)
}

func (s *stack) completeSignUp(token, password, key string) (tokens, string) {
	s.t.Helper()
	s.sent(key)
	vars := map[string]any{"t": token, "p": password}
	if key != "" {
		vars["k"] = key
	}
	var data struct {
		CompleteSignUp struct{ Token, RefreshToken string }
	}
	problem := s.graphql("", `mutation($t: String!, $p: String!, $k: String) {
		completeSignUp(input: {token: $t, password: $p}, idempotencyKey: $k) { token refreshToken } }`, vars, &data)
	return tokens{data.CompleteSignUp.Token, data.CompleteSignUp.RefreshToken}, problem
}

// completed signs up by mail.
func (s *stack) completed(email string) tokens {
	s.t.Helper()
	pair, problem := s.completeSignUp(s.signUpLink(email), goodPassword, "")
	if problem != "" {
		s.t.Fatalf("completeSignUp: %s", problem)
	}
	return pair
}

// TestSignUpByMail: the link creates the account with the password that its reader
// chooses, verified and logged in. A refused password does not use it up.
func TestSignUpByMail(t *testing.T) {
	for _, e := range engines() {
		for _, mode := range []string{"off", "optional", "required"} {
			t.Run(e.name+"/"+mode, func(t *testing.T) {
				s := newStack(t, e, map[string]string{"EMAIL_VERIFICATION": mode})
				token := s.signUpLink(" Ada@Example.com ")
				if m := s.mails()[0]; m.To != "Ada@Example.com" || m.Locale != "pt-BR" || m.ExpiresAt.Sub(m.At) != 24*time.Hour || m.Name != "" {
					t.Errorf("mail %+v", m)
				}
				if n := s.number(`SELECT count(*) FROM users`); n != 0 {
					t.Fatalf("%d users before the sign-up was completed", n)
				}
				for _, refused := range []string{"short", "password1", "ada@example.com", "Ada Lovelace", strings.Repeat("x", 300)} {
					if _, problem := s.completeSignUp(token, refused, ""); problem != "BAD_USER_INPUT password" {
						t.Errorf("%s: %q", refused, problem)
					}
				}
				s.advance(time.Hour)
				pair, problem := s.completeSignUp(token, goodPassword, "")
				if problem != "" {
					t.Fatal(problem)
				}
				var data struct {
					Me struct {
						Name, Email, Locale string
						EmailVerifiedAt     *time.Time
						HasPassword         bool
					}
				}
				if problem := s.graphql(pair.access, `{ me { name email locale emailVerifiedAt hasPassword } }`, nil, &data); problem != "" {
					t.Fatal(problem)
				}
				if me := data.Me; me.Name != "Ada Lovelace" || me.Email != "Ada@Example.com" || me.Locale != "pt-BR" || !me.HasPassword || me.EmailVerifiedAt == nil || !me.EmailVerifiedAt.Equal(s.clock()) {
					t.Errorf("account %+v", me)
				}
				if len(s.mails()) != 1 {
					t.Errorf("mails %+v", s.mails())
				}
				s.mustRefresh(pair.refresh)
				s.login("ada@example.com")
				if _, problem := s.completeSignUp(token, goodPassword, ""); problem != "BAD_USER_INPUT token" {
					t.Errorf("a second use: %q", problem)
				}
				if kinds := s.kinds(); !strings.Contains(kinds, "sign_up sign_up_requested") {
					t.Errorf("journal: %s", kinds)
				}
			})
		}
	}
}

// TestSignUpByMail_repeated: a lost answer costs no second mail, if the request had
// an idempotency key. The key and the link are not enough without the password.
func TestSignUpByMail_repeated(t *testing.T) {
	for _, e := range engines()[:2] {
		t.Run(e.name, func(t *testing.T) {
			s := newStack(t, e, nil)
			token := s.signUpLink("ada@example.com")
			first, problem := s.completeSignUp(token, goodPassword, startKey)
			if problem != "" {
				t.Fatal(problem)
			}
			s.advance(time.Minute)
			if again, problem := s.completeSignUp(token, goodPassword, startKey); problem != "" || again != first {
				t.Errorf("a repeat: %q, the same pair: %v", problem, again == first)
			}
			if n := s.number(`SELECT count(*) FROM sessions`); n != 1 {
				t.Errorf("%d sessions", n)
			}
			for name, other := range map[string][2]string{
				"no key": {goodPassword, ""}, "another key": {goodPassword, startKey + "2"}, "another password": {betterPassword, startKey},
			} {
				if _, problem := s.completeSignUp(token, other[0], other[1]); problem != "BAD_USER_INPUT token" {
					t.Errorf("%s: %q", name, problem)
				}
			}
			if _, problem := s.completeSignUp(token, goodPassword, "short"); problem != "BAD_USER_INPUT idempotencyKey" {
				t.Errorf("a short key: %q", problem)
			}
			s.mustStart(start{"login", "ada@example.com", goodPassword, startKey + "3"})
			if _, problem := s.completeSignUp(token, goodPassword, startKey+"3"); problem != "BAD_USER_INPUT token" {
				t.Errorf("the key of a login: %q", problem)
			}
			s.mustRefresh(first.refresh)
			if _, problem := s.completeSignUp(token, goodPassword, startKey); problem != "BAD_USER_INPUT token" {
				t.Errorf("after the refresh: %q", problem)
			}
		})
	}
}

// TestSignUpByMail_together: simultaneous uses of one link create one account. Those
// with one key get one pair.
func TestSignUpByMail_together(t *testing.T) {
	for _, e := range engines()[:2] {
		for _, key := range []string{"", startKey} {
			t.Run(e.name+"/"+key, func(t *testing.T) {
				s := newStack(t, e, nil)
				token := s.signUpLink("ada@example.com")
				var mu sync.Mutex
				var pairs []tokens
				use := func() {
					pair, problem := s.completeSignUp(token, goodPassword, key)
					mu.Lock()
					defer mu.Unlock()
					switch {
					case problem == "":
						pairs = append(pairs, pair)
					case key != "" || problem != "BAD_USER_INPUT token":
						t.Errorf("%q", problem)
					}
				}
				together(use, use, use)
				if want := map[string]int{"": 1, startKey: 3}[key]; len(pairs) != want {
					t.Errorf("%d pairs, want %d", len(pairs), want)
				}
				if pairs = slices.Compact(pairs); len(pairs) != 1 || s.number(`SELECT count(*) FROM users`) != 1 || s.number(`SELECT count(*) FROM sessions`) != 1 {
					t.Errorf("%d different pairs", len(pairs))
				}
			})
		}
	}
}

// TestSignUpByMail_Conflict: the reader of the mailbox learns that the address has
// an account meanwhile, and the account stays as it is.
func TestSignUpByMail_Conflict(t *testing.T) {
	s := newStack(t, engines()[0], nil)
	token, other := s.signUpLink("ada@example.com"), s.signUpLink("ada@example.com")
	in, problem := s.completeSignUp(token, goodPassword, "")
	if problem != "" {
		t.Fatal(problem)
	}
	if _, problem := s.completeSignUp(other, betterPassword, startKey); problem != "CONFLICT email" {
		t.Errorf("another link: %q", problem)
	}
	if problem := s.access(in.access); problem != "" {
		t.Errorf("access: %q", problem)
	}
	s.login("ada@example.com")
}

func TestSignUpByMail_InvalidLinks(t *testing.T) {
	s := newStack(t, engines()[0], nil)
	token := s.signUpLink("ada@example.com")
	s.signUp("eve@example.com")
	for name, invalid := range map[string]string{
		"empty": "", "random": strings.Repeat("A", 43), "short": token[:42], "of a reset": s.resetLink("eve@example.com"),
	} {
		if _, problem := s.completeSignUp(invalid, goodPassword, ""); problem != "BAD_USER_INPUT token" {
			t.Errorf("%s: %q", name, problem)
		}
	}
	if _, problem := s.reset(token, resetTo); problem != "BAD_USER_INPUT token" {
		t.Errorf("used for a reset: %q", problem)
	}
	if _, problem := s.verifyLink("", token); problem != "BAD_USER_INPUT token" {
		t.Errorf("used for a verification: %q", problem)
	}
	s.advance(24 * time.Hour)
	if _, problem := s.completeSignUp(token, goodPassword, ""); problem != "BAD_USER_INPUT token" {
		t.Errorf("expired: %q", problem)
	}
	var data struct{ RequestSignUp bool }
	for document, want := range map[string]string{
		`mutation { requestSignUp(input: {name: " ", email: "ada@example.com"}) }`:                   "BAD_USER_INPUT name",
		`mutation { requestSignUp(input: {name: "Ada", email: "no address"}) }`:                      "BAD_USER_INPUT email",
		`mutation { requestSignUp(input: {name: "Ada", email: "ada@example.com", locale: "../x"}) }`: "BAD_USER_INPUT locale",
	} {
		if problem := s.graphql("", document, nil, &data); problem != want {
			t.Errorf("%s: %q", document, problem)
		}
	}
}

// TestSignUpByMail_Enumeration: whether an address has an account changes neither
// the answer nor the work nor the limits nor the number of mails.
func TestSignUpByMail_Enumeration(t *testing.T) {
	for _, e := range engines()[:2] {
		t.Run(e.name, func(t *testing.T) {
			s := newStack(t, e, map[string]string{"RATE_LIMITS": "on"})
			for _, name := range []string{"verified", "unverified", "disabled"} {
				s.signUp(name + "@example.com")
			}
			s.exec(`UPDATE users SET email_verified_at = 1 WHERE email_key = 'verified@example.com'`)
			s.exec(`UPDATE users SET disabled_at = 1 WHERE email_key = 'disabled@example.com'`)
			calls := &callLog{Store: s.ports.store.Store, Limiter: s.ports.limiter.Limiter}
			s.ports.store.Store, s.ports.limiter.Limiter = calls, calls
			var want []string
			for _, name := range []string{"verified", "unverified", "disabled", "free"} {
				s.advance(24 * time.Hour) // the limits by network are full again
				var got []string
				for range 5 {
					calls.calls = nil
					problem := s.requestSignUp(name + "@example.com")
					got = append(got, fmt.Sprintf("%q %v", problem, calls.calls))
					s.advance(70 * time.Second)
				}
				got = append(got, fmt.Sprintf("%q", s.requestSignUp(name+"@example.com")), fmt.Sprintf("%q", s.requestSignUp(name+"@example.com")))
				if want == nil {
					want = got
					t.Log(strings.Join(want, "\n"))
				}
				if !slices.Equal(got, want) {
					t.Errorf("%s:\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(want, "\n"))
				}
			}
			to := map[string]int{}
			for _, m := range s.mails() {
				to[m.To+" "+string(m.Kind)+" "+fmt.Sprint(m.Link != "")]++
			}
			for name, kind := range map[string]auth.MailKind{
				"verified": auth.MailHasAccount, "unverified": auth.MailHasAccount, "disabled": auth.MailHasAccount, "free": auth.MailCompleteSignUp,
			} {
				if n := to[fmt.Sprintf("%s@example.com %s %v", name, kind, name == "free")]; n != auth.MaxLiveTokens {
					t.Errorf("%s: %d mails of %v", name, n, to)
				}
			}
			if len(to) != 4 {
				t.Errorf("mails %v", to)
			}
		})
	}
}

// TestSignUpByMail_cookie: in cookie mode the refresh token and the device are in
// cookies only, and the session of the replaced cookie ends.
func TestSignUpByMail_cookie(t *testing.T) {
	b := newBrowser(t, nil)
	b.send(strings.Replace(signUpDocument, "ada@", "eve@", 1))
	previous := b.cookie
	token := b.signUpLink("ada@example.com")
	got := b.send(`mutation { x: completeSignUp(input: {token: "` + token + `", password: "` + goodPassword + `"}) { token refreshToken device } }`)
	if got.problem != "" || len(got.set) != 1 || got.payload.RefreshToken != nil || got.payload.Device != nil || b.device == "" || b.cookie == previous {
		t.Fatalf("%+v", got)
	}
	if problem := b.access(got.payload.Token); problem != "" {
		t.Errorf("access: %q", problem)
	}
	if out := refreshGraphQL(b.stack, previous, ""); out.problem != "SESSION_REVOKED" {
		t.Errorf("the session of the replaced cookie: %q", out.problem)
	}
	if got := b.send(refreshDocument); got.problem != "" {
		t.Errorf("refresh: %q", got.problem)
	}
}
