package app

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"rekey/internal/auth"
)

// mailLogin is a login by mail: by a token, or by address and code.
type mailLogin struct{ token, email, code, key string }

func (s *stack) mailLogin(in mailLogin) (tokens, string) {
	s.t.Helper()
	s.sent(in.key)
	input := map[string]any{"token": in.token}
	if in.token == "" {
		input = map[string]any{"code": map[string]any{"email": in.email, "code": in.code}}
	}
	vars := map[string]any{"i": input}
	if in.key != "" {
		vars["k"] = in.key
	}
	var data struct {
		LoginWithEmail struct{ Token, RefreshToken string }
	}
	problem := s.graphql("", `mutation($i: LoginWithEmailInput!, $k: String) { loginWithEmail(input: $i, idempotencyKey: $k) { token refreshToken } }`, vars, &data)
	return tokens{data.LoginWithEmail.Token, data.LoginWithEmail.RefreshToken}, problem
}

// loginMail requests a mail for an address, and returns its link and its code.
func (s *stack) loginMail(email string) mailLogin {
	s.t.Helper()
	s.advance(time.Millisecond) // ids of mails sort by time
	if problem := s.graphql("", `mutation($e: String!) { requestLoginEmail(email: $e) }`, map[string]any{"e": email}, new(any)); problem != "" {
		s.t.Fatalf("requesting a login: %s", problem)
	}
	token := s.lastLink(auth.MailLogin, auth.PurposeLogin)
	mails := s.mails()
	code := mails[len(mails)-1].Code
	s.sent(code)
	return mailLogin{token: token, email: email, code: code}
}

func (m mailLogin) byLink() mailLogin { return mailLogin{token: m.token} }
func (m mailLogin) byCode() mailLogin { return mailLogin{email: m.email, code: m.code} }

// verifiedUser signs up and verifies the address.
func (s *stack) verifiedUser(email string) tokens {
	s.t.Helper()
	pair := s.signUp(email)
	s.exec(`UPDATE users SET email_verified_at = created_at`)
	return pair
}

// TestLoginByMail: link and code log in once. The account keeps its sessions and its
// password, and needs none.
func TestLoginByMail(t *testing.T) {
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			s := newStack(t, e, nil)
			own := s.verifiedUser("ada@example.com")
			for name, by := range map[string]func(mailLogin) mailLogin{"link": mailLogin.byLink, "code": mailLogin.byCode} {
				mail := s.loginMail("ada@example.com")
				pair, problem := s.mailLogin(by(mail))
				if problem != "" {
					t.Fatalf("by %s: %s", name, problem)
				}
				s.accepts(pair)
				if _, problem := s.mailLogin(mail.byLink()); problem != "BAD_USER_INPUT token" {
					t.Errorf("the link after the %s: %q", name, problem)
				}
				if _, problem := s.mailLogin(mail.byCode()); problem != "BAD_USER_INPUT code" {
					t.Errorf("the code after the %s: %q", name, problem)
				}
			}
			s.accepts(own)
			if _, problem := s.loginWith("ada@example.com", goodPassword); problem != "" {
				t.Errorf("the password: %q", problem)
			}
			s.exec(`UPDATE users SET password_hash = ''`)
			if _, problem := s.mailLogin(s.loginMail("ada@example.com").byLink()); problem != "" {
				t.Errorf("without a password: %q", problem)
			}
			late := s.loginMail("ada@example.com")
			s.advance(10 * time.Minute)
			for _, in := range []mailLogin{late.byLink(), late.byCode()} {
				if _, problem := s.mailLogin(in); problem != "BAD_USER_INPUT token" && problem != "BAD_USER_INPUT code" {
					t.Errorf("after ten minutes: %q", problem)
				}
			}
		})
	}
}

// TestLoginByMail_repeated: a used link or code is accepted with the key that it was
// used with, gets the same pair, and starts no second session.
func TestLoginByMail_repeated(t *testing.T) {
	for _, e := range engines()[:2] {
		t.Run(e.name, func(t *testing.T) {
			s := newStack(t, e, nil)
			s.verifiedUser("ada@example.com")
			for name, by := range map[string]func(mailLogin) mailLogin{"link": mailLogin.byLink, "code": mailLogin.byCode} {
				in := by(s.loginMail("ada@example.com"))
				in.key = "a-key-for-a-login-by-" + name
				first, problem := s.mailLogin(in)
				if problem != "" {
					t.Fatalf("%s: %s", name, problem)
				}
				s.advance(time.Minute)
				if again, problem := s.mailLogin(in); problem != "" || again != first {
					t.Errorf("%s again: %q, same pair: %v", name, problem, again == first)
				}
				other := in
				other.key = "another-key-of-enough-characters"
				if _, problem := s.mailLogin(other); problem != "BAD_USER_INPUT token" && problem != "BAD_USER_INPUT code" {
					t.Errorf("%s with another key: %q", name, problem)
				}
				s.mustRefresh(first.refresh)
				if _, problem := s.mailLogin(in); problem != "BAD_USER_INPUT token" && problem != "BAD_USER_INPUT code" {
					t.Errorf("%s after the refresh: %q", name, problem)
				}
			}
		})
	}
}

// TestLoginByMail_takeOver: a login by mail to an account whose address was never
// verified voids everything that the account had before.
func TestLoginByMail_takeOver(t *testing.T) {
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			s := newStack(t, e, nil)
			planted := s.signUp("ada@example.com")
			s.loginMail("ada@example.com")
			reset := s.resetLink("ada@example.com")
			in := s.loginMail("ada@example.com").byLink()
			in.key = startKey
			pair, problem := s.mailLogin(in)
			if problem != "" {
				t.Fatal(problem)
			}
			if again, problem := s.mailLogin(in); problem != "" || again != pair {
				t.Errorf("again: %q, same pair: %v", problem, again == pair)
			}
			s.refuses(planted, "SESSION_REVOKED", "")
			if _, problem := s.loginWith("ada@example.com", goodPassword); problem != "INVALID_CREDENTIALS" {
				t.Errorf("the planted password: %q", problem)
			}
			if _, problem := s.reset(reset, betterPassword); problem != "BAD_USER_INPUT token" {
				t.Errorf("an earlier link: %q", problem)
			}
			if me := s.me(pair.access); me.EmailVerifiedAt == nil || me.HasPassword {
				t.Errorf("%+v", me)
			}
			if n := s.number(`SELECT count(*) FROM sessions WHERE revoked_at IS NULL`); n != 1 {
				t.Errorf("%d live sessions", n)
			}
			s.accepts(pair)
		})
	}
}

// TestLoginByMail_guesses: five codes may be tried in an hour, over all mails, right or
// wrong. The answer is the same afterwards, and without an account. The link still works.
func TestLoginByMail_guesses(t *testing.T) {
	for _, e := range engines()[:2] {
		t.Run(e.name, func(t *testing.T) {
			s := newStack(t, e, nil)
			s.verifiedUser("ada@example.com")
			mail := s.loginMail("ada@example.com")
			for i := range auth.MaxCodeTries {
				for _, email := range []string{"ada@example.com", "nobody@example.com"} {
					wrong := mailLogin{email: email, code: fmt.Sprintf("%08d", i)}
					if _, problem := s.mailLogin(wrong); problem != "BAD_USER_INPUT code" {
						t.Errorf("guess %d for %s: %q", i, email, problem)
					}
				}
			}
			for _, in := range []mailLogin{mail.byCode(), s.loginMail("ada@example.com").byCode()} {
				if _, problem := s.mailLogin(in); problem != "BAD_USER_INPUT code" {
					t.Errorf("the right code after five guesses: %q", problem)
				}
			}
			if _, problem := s.mailLogin(mail.byLink()); problem != "" {
				t.Errorf("the link: %q", problem)
			}
			s.advance(time.Hour + auth.CodeTTL)
			if _, problem := s.mailLogin(s.loginMail("ada@example.com").byCode()); problem != "" {
				t.Errorf("an hour later: %q", problem)
			}
		})
	}
}

// TestLoginByMail_refused: no link or code of another purpose, of another account, of
// a disabled user or of a former epoch logs in.
func TestLoginByMail_refused(t *testing.T) {
	s := newStack(t, engines()[0], nil)
	s.verifiedUser("ada@example.com")
	s.signUp("bob@example.com")
	reset, mail := s.resetLink("ada@example.com"), s.loginMail("ada@example.com")
	for name, in := range map[string]mailLogin{
		"a link to reset":   {token: reset},
		"a code of another": {email: "bob@example.com", code: mail.code},
		"no token":          {token: "x"},
	} {
		if _, problem := s.mailLogin(in); problem != "BAD_USER_INPUT token" && problem != "BAD_USER_INPUT code" {
			t.Errorf("%s: %q", name, problem)
		}
	}
	if _, problem := s.reset(mail.token, betterPassword); problem != "BAD_USER_INPUT token" {
		t.Errorf("a link to log in resets: %q", problem)
	}
	if _, problem := s.reset(reset, betterPassword); problem != "" {
		t.Fatal(problem)
	}
	if _, problem := s.mailLogin(mail.byLink()); problem != "BAD_USER_INPUT token" {
		t.Errorf("after a reset: %q", problem)
	}
	mail = s.loginMail("ada@example.com")
	s.exec(`UPDATE users SET disabled_at = created_at`)
	if _, problem := s.mailLogin(mail.byLink()); problem != "BAD_USER_INPUT token" {
		t.Errorf("of a disabled user: %q", problem)
	}
}

// TestLoginByMail_together: of several uses of one link and its code, one logs in.
// With one key, all get the same pair.
func TestLoginByMail_together(t *testing.T) {
	for _, e := range engines()[:2] {
		for _, verified := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/verified %v", e.name, verified), func(t *testing.T) {
				s := newStack(t, e, nil)
				for round := range 5 {
					email := fmt.Sprintf("user%d@example.com", round)
					if s.signUp(email); verified {
						s.exec(`UPDATE users SET email_verified_at = created_at`)
					}
					mail := s.loginMail(email)
					var wins atomic.Int32
					use := func(in mailLogin) func() {
						return func() {
							if _, problem := s.mailLogin(in); problem == "" {
								wins.Add(1)
							}
						}
					}
					together(use(mail.byLink()), use(mail.byCode()), use(mail.byLink()), use(mail.byCode()))
					if wins.Load() != 1 {
						t.Fatalf("%d of four uses logged in", wins.Load())
					}
				}
				s.verifiedUser("ada@example.com")
				in := s.loginMail("ada@example.com").byLink()
				in.key = startKey
				var first atomic.Pointer[tokens]
				use := func() {
					pair, problem := s.mailLogin(in)
					if problem != "" || !first.CompareAndSwap(nil, &pair) && *first.Load() != pair {
						t.Errorf("with one key: %q, or another pair", problem)
					}
				}
				together(use, use, use)
			})
		}
	}
}

// TestLoginByMail_cookie: in cookie mode the refresh token and the device are in
// cookies only, a repeat gets the same cookie, and the session of the replaced cookie
// ends.
func TestLoginByMail_cookie(t *testing.T) {
	for _, by := range []string{"link", "code"} {
		t.Run(by, func(t *testing.T) {
			b := newBrowser(t, nil)
			b.send(signUpDocument)
			b.exec(`UPDATE users SET email_verified_at = created_at`)
			previous := b.cookie
			mail := b.loginMail("ada@example.com")
			input := `token: "` + mail.token + `"`
			if by == "code" {
				input = `code: {email: " ADA@example.com", code: "` + mail.code[:4] + " " + mail.code[4:] + `"}`
			}
			b.sent(startKey)
			document := `mutation { x: loginWithEmail(input: {` + input + `}, idempotencyKey: "` + startKey + `") { token refreshToken device } }`
			got := b.send(document)
			if got.problem != "" || len(got.set) != 1 || got.payload.RefreshToken != nil || got.payload.Device != nil || b.device == "" || b.cookie == previous {
				t.Fatalf("%+v", got)
			}
			if problem := b.access(got.payload.Token); problem != "" {
				t.Errorf("access: %q", problem)
			}
			if out := refreshGraphQL(b.stack, previous, ""); out.problem != "SESSION_REVOKED" {
				t.Errorf("the session of the replaced cookie: %q", out.problem)
			}
			first := b.cookie
			if again := b.send(document); again.problem != "" || b.cookie != first || again.payload.Token != got.payload.Token {
				t.Errorf("a repeat: %q, the same cookie: %v", again.problem, b.cookie == first)
			}
			b.checkKept(b.send(refreshDocument), 30*24*time.Hour)
		})
	}
}
