package app

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rekey/internal/auth"
)

// requestReset requests a reset for an address.
func (s *stack) requestReset(email string) (problem string) {
	s.t.Helper()
	var data struct{ RequestPasswordReset bool }
	problem = s.graphql("", `mutation($e: String!) { requestPasswordReset(email: $e) }`, map[string]any{"e": email}, &data)
	if problem == "" && !data.RequestPasswordReset {
		s.t.Error("the answer is false")
	}
	return problem
}

// lastLink returns the token of the newest mail of a kind.
func (s *stack) lastLink(kind auth.MailKind, p auth.TokenPurpose) string {
	s.t.Helper()
	mails := s.mails()
	for i := range mails {
		m := mails[len(mails)-1-i]
		if m.Kind != kind {
			continue
		}
		token, ours := strings.CutPrefix(m.Link, testAppURL+"/account#"+string(p)+"=")
		if !ours {
			s.t.Fatalf("link %s", m.Link)
		}
		s.sent(token) // it must not be in the log or the journal
		return token
	}
	s.t.Fatalf("no mail of the kind %s", kind)
	return ""
}

func (s *stack) resetLink(email string) string {
	s.t.Helper()
	s.advance(time.Millisecond) // ids of mails sort by time
	if problem := s.requestReset(email); problem != "" {
		s.t.Fatalf("requesting a reset: %s", problem)
	}
	return s.lastLink(auth.MailResetPassword, auth.PurposeResetPassword)
}

// reset sets a password by a token. It returns how many sessions ended.
func (s *stack) reset(token, password string) (ended int, problem string) {
	s.t.Helper()
	var data struct{ ResetPassword int }
	problem = s.graphql("", `mutation($t: String!, $p: String!) { resetPassword(input: {token: $t, newPassword: $p}) }`,
		map[string]any{"t": token, "p": password}, &data)
	return data.ResetPassword, problem
}

func (s *stack) loginWith(email, password string) (token, problem string) {
	s.t.Helper()
	var data struct{ Login struct{ Token string } }
	problem = s.graphql("", `mutation($e: String!, $p: String!) { login(input: {email: $e, password: $p}) { token } }`,
		map[string]any{"e": email, "p": password}, &data)
	return data.Login.Token, problem
}

const resetTo = "a forgotten horse"

func TestReset(t *testing.T) {
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			s := newStack(t, e, nil)
			first, second := s.signUp("ada@example.com"), s.login("ada@example.com")
			stranger := s.signUp("eve@example.com")
			token, other := s.resetLink(" ADA@Example.com "), s.resetLink("ada@example.com")
			if m := s.mails()[0]; m.To != "ada@example.com" || m.Name != "Ada" || m.ExpiresAt.Sub(m.At) != 30*time.Minute {
				t.Errorf("mail %+v", m)
			}
			for _, refused := range []string{"short", "password1", "ada@example.com", strings.Repeat("x", 300)} {
				if _, problem := s.reset(token, refused); problem != "BAD_USER_INPUT newPassword" {
					t.Errorf("%s: %q", refused, problem)
				}
			}
			if problem := s.access(first.access); problem != "" {
				t.Fatalf("before the reset: %s", problem)
			}
			if ended, problem := s.reset(token, resetTo); ended != 2 || problem != "" {
				t.Fatalf("reset: %d %s", ended, problem)
			}
			for _, tokens := range []tokens{first, second} {
				if problem := s.access(tokens.access); problem != "SESSION_REVOKED" {
					t.Errorf("access: %q", problem)
				}
				if out := refreshGraphQL(s, tokens.refresh, ""); out.problem != "SESSION_REVOKED" {
					t.Errorf("refresh: %q", out.problem)
				}
			}
			if problem := s.access(stranger.access); problem != "" {
				t.Errorf("the session of another user: %q", problem)
			}
			for name, used := range map[string]string{"used": token, "voided": other} {
				if _, problem := s.reset(used, "yet another horse"); problem != "BAD_USER_INPUT token" {
					t.Errorf("a link that was %s: %q", name, problem)
				}
			}
			if _, problem := s.loginWith("ada@example.com", goodPassword); problem != "INVALID_CREDENTIALS" {
				t.Errorf("the old password: %q", problem)
			}
			access, problem := s.loginWith("ada@example.com", resetTo)
			if problem != "" {
				t.Fatalf("the new password: %q", problem)
			}
			var data struct {
				Me       struct{ EmailVerifiedAt *time.Time }
				Sessions []struct{ ID string }
			}
			if problem := s.graphql(access, `{ me { emailVerifiedAt } sessions { id } }`, nil, &data); problem != "" || len(data.Sessions) != 1 {
				t.Errorf("%+v %s: the reset must log nobody in", data, problem)
			}
			if data.Me.EmailVerifiedAt == nil {
				t.Error("the link did not prove the address")
			}
			informing := slices.DeleteFunc(s.mails(), func(m auth.Mail) bool { return m.Kind != auth.MailPasswordChanged })
			if len(informing) != 1 || informing[0].To != "ada@example.com" {
				t.Errorf("informing %+v", informing)
			}
			if kinds := s.kinds(); !strings.Contains(kinds, "password_reset password_reset_requested password_reset_requested") {
				t.Errorf("journal: %s", kinds)
			}
		})
	}
}

func TestReset_InvalidLinks(t *testing.T) {
	s := newStack(t, engines()[0], nil)
	s.signUp("ada@example.com")
	token := s.resetLink("ada@example.com")
	for name, invalid := range map[string]string{
		"Empty": "", "Random": strings.Repeat("A", 43), "Short": token[:42], "Long": token + "A", "Padded": token + "=",
		"OtherAlphabet": strings.Repeat("+", 43), "LineBreak": token[:20] + "\n" + token[20:], "Hash": strings.Repeat("0", 64),
	} {
		if _, problem := s.reset(invalid, resetTo); problem != "BAD_USER_INPUT token" {
			t.Errorf("%s: %q", name, problem)
		}
	}
	t.Run("OtherPurpose", func(t *testing.T) {
		s.exec(`UPDATE one_time_tokens SET purpose = 'verify_email'`)
		defer s.exec(`UPDATE one_time_tokens SET purpose = 'reset_password'`)
		if _, problem := s.reset(token, resetTo); problem != "BAD_USER_INPUT token" {
			t.Errorf("%q", problem)
		}
	})
	t.Run("OtherAddress", func(t *testing.T) {
		s.exec(`UPDATE users SET email_key = 'other@example.com'`)
		defer s.exec(`UPDATE users SET email_key = 'ada@example.com'`)
		if _, problem := s.reset(token, resetTo); problem != "BAD_USER_INPUT token" {
			t.Errorf("%q", problem)
		}
	})
	t.Run("Disabled", func(t *testing.T) {
		s.exec(`UPDATE users SET disabled_at = 1`)
		defer s.exec(`UPDATE users SET disabled_at = NULL`)
		if _, problem := s.reset(token, resetTo); problem != "BAD_USER_INPUT token" {
			t.Errorf("%q", problem)
		}
	})
	t.Run("Expired", func(t *testing.T) {
		s.advance(30 * time.Minute)
		if _, problem := s.reset(token, resetTo); problem != "BAD_USER_INPUT token" {
			t.Errorf("%q", problem)
		}
	})
	t.Run("AfterLogoutEverywhere", func(t *testing.T) {
		in := s.login("ada@example.com")
		token := s.resetLink("ada@example.com")
		var data struct{ Logout int }
		if problem := s.graphql(in.access, `mutation { logout(scope: ALL) }`, nil, &data); problem != "" {
			t.Fatal(problem)
		}
		if _, problem := s.reset(token, resetTo); problem != "BAD_USER_INPUT token" {
			t.Errorf("%q", problem)
		}
	})
}

// TestReset_Limits: a stranger who uses up the budget of an address blocks neither
// the valid links nor a device that the account knows.
func TestReset_Limits(t *testing.T) {
	s := newStack(t, engines()[0], behindProxy())
	const request = `mutation($e: String!, $d: String) { x: requestPasswordReset(email: $e, device: $d) }`
	from := func(network int, email, device string) string {
		t.Helper()
		return s.tryFrom(network, "", request, map[string]any{"e": email, "d": device}).problem
	}
	owner := s.signUpFrom(homeNetwork, "ada@example.com")
	if problem := from(1, "ada@example.com", ""); problem != "" {
		t.Fatal(problem)
	}
	link := s.lastLink(auth.MailResetPassword, auth.PurposeResetPassword)
	for network := 2; network < 20; network++ {
		s.advance(61 * time.Second)
		from(network, "ada@example.com", "")
	}
	if problem := from(30, "ada@example.com", ""); problem != "RATE_LIMITED" {
		t.Errorf("an eleventh request within a day: %q", problem)
	}
	if problem := from(homeNetwork, "ada@example.com", "invalid"); problem != "RATE_LIMITED" {
		t.Errorf("a device that is not known: %q", problem)
	}
	before := len(s.mails())
	if before != auth.MaxLiveTokens {
		t.Errorf("%d mails, want %d", before, auth.MaxLiveTokens)
	}
	if problem := from(homeNetwork, "ada@example.com", owner.device); problem != "" || len(s.mails()) != before+1 {
		t.Errorf("a known device: %q, %d mails", problem, len(s.mails()))
	}
	if _, problem := s.reset(link, resetTo); problem != "BAD_USER_INPUT token" {
		t.Errorf("the oldest link was replaced by that of the known device: %q", problem)
	}
	if _, problem := s.reset(s.lastLink(auth.MailResetPassword, auth.PurposeResetPassword), resetTo); problem != "" {
		t.Errorf("the link of the known device: %q", problem)
	}
	refused := 0
	for i := range 15 { // one network, many addresses
		if from(2000, fmt.Sprintf("user%d@example.com", i), "") == "RATE_LIMITED" {
			refused++
		}
	}
	if refused != 5 {
		t.Errorf("%d requests of one network were refused, want 5", refused)
	}
}

func TestReset_BadInput(t *testing.T) {
	s := newStack(t, engines()[0], nil)
	var data struct{ RequestPasswordReset bool }
	if problem := s.requestReset("no address"); problem != "BAD_USER_INPUT email" {
		t.Errorf("address: %q", problem)
	}
	if problem := s.graphql("", `mutation { requestPasswordReset(email: "ada@example.com", locale: "../x") }`, nil, &data); problem != "BAD_USER_INPUT locale" {
		t.Errorf("locale: %q", problem)
	}
	s.signUp("ada@example.com")
	for locale, want := range map[string]string{"": "hu", "pt_br": "pt-BR"} {
		s.advance(time.Millisecond) // ids of mails sort by time
		s.exec(`UPDATE users SET locale = 'hu'`)
		document := fmt.Sprintf(`mutation { requestPasswordReset(email: "ada@example.com", locale: %q) }`, locale)
		if problem := s.graphql("", document, nil, &data); problem != "" {
			t.Fatal(problem)
		}
		if mails := s.mails(); mails[len(mails)-1].Locale != want {
			t.Errorf("locale %q: the mail is in %q, want %q", locale, mails[len(mails)-1].Locale, want)
		}
	}
}

func TestReset_WithoutMail(t *testing.T) {
	s := newStack(t, engines()[0], nil)
	options := s.ports.options
	options.SendsMail = false
	core, err := auth.New(options)
	if err != nil {
		t.Fatal(err)
	}
	err = core.RequestPasswordReset(t.Context(), auth.RequestMailInput{Email: "ada@example.com"}, auth.Client{})
	_, reset := core.ResetPassword(t.Context(), auth.ResetPasswordInput{}, auth.Client{})
	for _, err := range []error{err, reset} {
		if e := auth.AsError(err); e == nil || e.Code != auth.CodeForbidden || e.Reason != auth.ReasonMailNotConfigured {
			t.Errorf("%v, want FORBIDDEN, MAIL_NOT_CONFIGURED", err)
		}
	}
}

// rehashed is a store in which a login replaces the hash of the password just before
// the first reset.
type rehashed struct {
	auth.Store
	rehash func()
	once   sync.Once
}

func (r *rehashed) EndSessions(ctx context.Context, end auth.EndSessions, e *auth.Event) ([]string, error) {
	r.once.Do(r.rehash)
	return r.Store.EndSessions(ctx, end, e)
}

// TestReset_rehashed: a link still works if the hash of the password is replaced while
// it is used.
func TestReset_rehashed(t *testing.T) {
	s := newStack(t, engines()[0], nil)
	s.signUp("ada@example.com")
	token := s.resetLink("ada@example.com")
	s.ports.store.Store = &rehashed{Store: s.ports.store.Store, rehash: func() { s.exec(`UPDATE users SET password_hash = password_hash || 'x'`) }}
	if ended, problem := s.reset(token, betterPassword); problem != "" || ended != 1 {
		t.Errorf("%d sessions, %q", ended, problem)
	}
	if _, problem := s.loginWith("ada@example.com", betterPassword); problem != "" {
		t.Errorf("the new password: %q", problem)
	}
}
