package app

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"rekey/internal/auth"
)

// requestEmailChange requests a change of the address of the token's account.
func (s *stack) requestEmailChange(access, email string) (problem string) {
	s.t.Helper()
	s.advance(time.Millisecond) // ids of mails sort by time
	var data struct{ RequestEmailChange bool }
	problem = s.graphql(access, `mutation($e: String!) { requestEmailChange(input: {newEmail: $e}) }`, map[string]any{"e": email}, &data)
	if problem == "" && !data.RequestEmailChange {
		s.t.Error("the answer is false")
	}
	return problem
}

// emailChange requests a change and returns the tokens of its links.
func (s *stack) emailChange(access, email string) (confirm, undo string) {
	s.t.Helper()
	if problem := s.requestEmailChange(access, email); problem != "" {
		s.t.Fatalf("requesting a change of address: %s", problem)
	}
	return s.lastLink(auth.MailConfirmEmail, auth.PurposeConfirmEmail), s.lastLink(auth.MailUndoEmailChange, auth.PurposeUndoEmailChange)
}

// confirmChange uses the link to the new address.
func (s *stack) confirmChange(access, token string) (ended int, problem string) {
	s.t.Helper()
	var data struct{ ConfirmEmailChange int }
	problem = s.graphql(access, `mutation($t: String!) { confirmEmailChange(token: $t) }`, map[string]any{"t": token}, &data)
	return data.ConfirmEmailChange, problem
}

// undoChange uses the link to the former address.
func (s *stack) undoChange(token string) (ended int, problem string) {
	s.t.Helper()
	var data struct{ UndoEmailChange int }
	problem = s.graphql("", `mutation($t: String!) { undoEmailChange(token: $t) }`, map[string]any{"t": token}, &data)
	return data.UndoEmailChange, problem
}

// verifiedSignUp signs up a user whose address is verified.
func (s *stack) verifiedSignUp(email string) tokens {
	s.t.Helper()
	in := s.signUp(email)
	s.exec(`UPDATE users SET email_verified_at = 1 WHERE email_key = '` + email + `'`)
	return in
}

// mailsTo returns kind and address of all mails, sorted.
func (s *stack) mailsTo() (list []string) {
	s.t.Helper()
	for _, m := range s.mails() {
		list = append(list, fmt.Sprint(m.Kind, " ", m.To))
	}
	slices.Sort(list) // two mails of one moment have no order
	return list
}

func wantAnswer(t *testing.T, what string, ended int, problem, want string) {
	t.Helper()
	if got := fmt.Sprint(ended, " ", problem); got != want {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

func TestEmailChange(t *testing.T) {
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			s := newStack(t, e, nil)
			other := s.verifiedSignUp("ada@example.com")
			own := s.login("ada@example.com")
			confirm, undo := s.emailChange(own.access, " New@Example.com")
			if got := s.me(other.access).Email; got != "ada@example.com" {
				t.Errorf("before the confirmation: %s", got)
			}
			s.advance(time.Minute)
			ended, problem := s.confirmChange("", confirm)
			wantAnswer(t, "confirm", ended, problem, "1 ")
			if got := s.me(own.access); got.Email != "New@Example.com" || got.EmailVerifiedAt == nil {
				t.Errorf("after the confirmation: %+v", got)
			}
			if problem := s.access(other.access); problem != "SESSION_REVOKED" {
				t.Errorf("another session: %q", problem)
			}
			if out := refreshGraphQL(s, own.refresh, ""); out.problem != "" {
				t.Errorf("a refresh of the session that requested the change: %q", out.problem)
			}
			ended, problem = s.confirmChange("", confirm)
			wantAnswer(t, "a used link", ended, problem, "0 BAD_USER_INPUT token")
			if _, problem := s.loginWith("ada@example.com", goodPassword); problem != "INVALID_CREDENTIALS" {
				t.Errorf("the former address: %q", problem)
			}
			if _, problem := s.loginWith("new@example.com", goodPassword); problem != "" {
				t.Errorf("the new address: %q", problem)
			}
			want := []string{"confirm_email New@Example.com", "email_changed ada@example.com", "undo_email_change ada@example.com"}
			if got := s.mailsTo(); !slices.Equal(got, want) {
				t.Errorf("mails %q, want %q", got, want)
			}
			if _, problem := s.loginWith("ada@example.com", "x"); problem == "" {
				t.Error("logged in")
			}
			var data struct{ SignUp struct{ Token string } }
			document := fmt.Sprintf(`mutation { signUp(input: {name: "Eve", email: "ADA@example.com", password: %q}) { token } }`, goodPassword)
			if problem := s.graphql("", document, nil, &data); !strings.HasPrefix(problem, "CONFLICT") {
				t.Errorf("another account with an address that may be restored: %q", problem)
			}
			s.advance(71 * time.Hour)
			thief, problem := s.loginWith("new@example.com", goodPassword)
			if problem != "" {
				t.Fatal(problem)
			}
			_ = s.mustChange(thief, "")
			ended, problem = s.undoChange(undo)
			if problem != "" || ended < 1 {
				t.Errorf("undo after a change of the password: %d %s", ended, problem)
			}
			if problem := s.access(thief); problem == "" {
				t.Error("a session outlived the undo")
			}
			for _, email := range []string{"ada@example.com", "new@example.com"} {
				if _, problem := s.loginWith(email, goodPassword); problem != "INVALID_CREDENTIALS" {
					t.Errorf("a login as %s after the undo: %q", email, problem)
				}
			}
			if ended, problem := s.reset(s.resetLink("ada@example.com"), resetTo); ended != 0 || problem != "" {
				t.Errorf("reset after the undo: %d %s", ended, problem)
			}
			if access, problem := s.loginWith("ada@example.com", resetTo); problem != "" || s.me(access).Email != "ada@example.com" {
				t.Errorf("login after the reset: %q", problem)
			}
			if kinds := s.kinds(); !strings.Contains(kinds, "email_change_requested email_change_undone email_changed") {
				t.Errorf("journal: %s", kinds)
			}
		})
	}
}

// TestEmailChange_Voided: what ends all sessions voids the link to the new address,
// but not the one that undoes the change.
func TestEmailChange_Voided(t *testing.T) {
	s := newStack(t, engines()[0], nil)
	for name, void := range map[string]func(access, undo string){
		"Password": func(access, _ string) { s.mustChange(access, "") },
		"Reset":    func(string, string) { s.reset(s.resetLink("reset@example.com"), resetTo) },
		"Logout": func(access, _ string) {
			var data struct{ Logout int }
			if problem := s.graphql(access, `mutation { logout(scope: ALL) }`, nil, &data); problem != "" {
				t.Fatal(problem)
			}
		},
		"Disable": func(string, string) {
			if _, err := s.app.core.DisableUser(t.Context(), "disable@example.com", auth.Client{}); err != nil {
				t.Fatal(err)
			}
		},
		"Undo": func(_, undo string) { s.undoChange(undo) },
		"Time": func(string, string) { s.advance(time.Hour) },
	} {
		t.Run(name, func(t *testing.T) {
			email := strings.ToLower(name) + "@example.com"
			in := s.verifiedSignUp(email)
			confirm, undo := s.emailChange(in.access, "new-"+email)
			void(in.access, undo)
			ended, problem := s.confirmChange("", confirm)
			wantAnswer(t, "confirm", ended, problem, "0 BAD_USER_INPUT token")
			wantProblem := ""
			if name == "Undo" {
				wantProblem = "BAD_USER_INPUT token"
			}
			if _, problem := s.undoChange(undo); problem != wantProblem {
				t.Errorf("undo: %q, want %q", problem, wantProblem)
			}
			_, problem = s.loginWith(email, goodPassword)
			if problem == "" {
				t.Error("the password outlived the undo")
			}
		})
	}
}

// TestEmailChange_UndoChain: the owner of the first address gets the account back,
// whatever was done since. The links of later changes do not bring it to the thief.
func TestEmailChange_UndoChain(t *testing.T) {
	s := newStack(t, engines()[0], nil)
	in := s.verifiedSignUp("ada@example.com")
	confirm, undo := s.emailChange(in.access, "thief@example.com")
	s.confirmChange("", confirm)
	s.advance(time.Minute)
	confirm, undoOfThief := s.emailChange(in.access, "thief2@example.com")
	if _, problem := s.confirmChange("", confirm); problem != "" {
		t.Fatal(problem)
	}
	s.exec(`UPDATE users SET delete_at = 9000000000000000`)
	ended, problem := s.undoChange(undo)
	wantAnswer(t, "undo", ended, problem, "1 ")
	ended, problem = s.undoChange(undoOfThief)
	wantAnswer(t, "the link of the later change", ended, problem, "0 BAD_USER_INPUT token")
	if n := s.number(`SELECT count(*) FROM users WHERE email_key = 'ada@example.com' AND password_hash = '' AND delete_at IS NULL`); n != 1 {
		t.Error("the account was not restored")
	}
}

// TestEmailChange_TakeOver: a link without a session takes an account over whose
// address was never verified. With a session it does not.
func TestEmailChange_TakeOver(t *testing.T) {
	s := newStack(t, engines()[0], nil)
	for _, withSession := range []bool{false, true} {
		email := fmt.Sprintf("ada%v@example.com", withSession)
		in := s.signUp(email)
		confirm, _ := s.emailChange(in.access, "new-"+email)
		access := ""
		if withSession {
			access = in.access
		}
		if _, problem := s.confirmChange(access, confirm); problem != "" {
			t.Fatal(problem)
		}
		if kept := s.access(in.access) == ""; kept != withSession {
			t.Errorf("with a session %v: the session was kept: %v", withSession, kept)
		}
		if _, problem := s.loginWith("new-"+email, goodPassword); (problem == "") != withSession {
			t.Errorf("with a session %v: login: %q", withSession, problem)
		}
	}
}

// TestEmailChange_Enumeration: whether the new address has an account changes
// neither the answer nor the work nor the limits.
func TestEmailChange_Enumeration(t *testing.T) {
	for _, e := range engines()[:2] {
		t.Run(e.name, func(t *testing.T) {
			s := newStack(t, e, map[string]string{"RATE_LIMITS": "on"})
			in := s.verifiedSignUp("ada@example.com")
			for _, name := range []string{"verified", "unverified", "disabled", "deleting"} {
				s.signUp(name + "@example.com")
			}
			s.exec(`UPDATE users SET email_verified_at = 1 WHERE email_key = 'verified@example.com'`)
			s.exec(`UPDATE users SET disabled_at = 1 WHERE email_key = 'disabled@example.com'`)
			s.exec(`UPDATE users SET delete_at = 1 WHERE email_key = 'deleting@example.com'`)
			calls := &callLog{Store: s.ports.store.Store, Limiter: s.ports.limiter.Limiter}
			s.ports.store.Store, s.ports.limiter.Limiter = calls, calls
			want := ""
			for _, name := range []string{"verified", "unverified", "disabled", "deleting", "free"} {
				s.advance(10 * time.Hour) // the limits are full again
				in.access = s.login("ada@example.com").access
				calls.calls = nil
				got := fmt.Sprintf("%q %v", s.requestEmailChange(in.access, name+"@example.com"), calls.calls)
				got += fmt.Sprintf(" %q", s.requestEmailChange(in.access, name+"@example.com"))
				if want == "" {
					want = got
				}
				if got != want || !strings.HasSuffix(got, `"RATE_LIMITED"`) {
					t.Errorf("%s:\n%s\nwant\n%s", name, got, want)
				}
			}
			for _, m := range s.mails() {
				taken := !strings.HasPrefix(m.To, "free@") && !strings.HasPrefix(m.To, "ada@")
				if taken && (m.Kind != auth.MailHasAccount || m.Link != "" || m.Name != "") {
					t.Errorf("mail %+v to an address with an account", m)
				}
			}
		})
	}
}

func TestEmailChange_Refused(t *testing.T) {
	s := newStack(t, engines()[0], nil)
	in := s.verifiedSignUp("ada@example.com")
	for name, email := range map[string]string{"no address": "x", "its own": "ADA@example.com"} {
		if problem := s.requestEmailChange(in.access, email); problem != "BAD_USER_INPUT newEmail" {
			t.Errorf("%s: %q", name, problem)
		}
	}
	confirm, undo := s.emailChange(in.access, "new@example.com")
	ended, problem := s.undoChange(confirm)
	wantAnswer(t, "a link for another purpose", ended, problem, "0 BAD_USER_INPUT token")
	ended, problem = s.confirmChange("", undo)
	wantAnswer(t, "a link for another purpose", ended, problem, "0 BAD_USER_INPUT token")
	s.signUp("new@example.com")
	if _, problem := s.confirmChange("", confirm); !strings.HasPrefix(problem, "CONFLICT") {
		t.Errorf("an address that was taken meanwhile: %q", problem)
	}
	options := s.ports.options
	options.SendsMail = false
	core, err := auth.New(options)
	if err != nil {
		t.Fatal(err)
	}
	err = core.RequestEmailChange(t.Context(), auth.Caller{}, auth.RequestEmailChangeInput{}, auth.Client{})
	_, confirmed := core.ConfirmEmailChange(t.Context(), auth.ConfirmEmailChangeInput{}, auth.Client{})
	_, undone := core.UndoEmailChange(t.Context(), "", auth.Client{})
	for _, err := range []error{err, confirmed, undone} {
		if e := auth.AsError(err); e == nil || e.Reason != auth.ReasonMailNotConfigured {
			t.Errorf("%v, want MAIL_NOT_CONFIGURED", err)
		}
	}
}

// TestCommands_UserEmail: operators replace and verify an address, and send a reset.
func TestCommands_UserEmail(t *testing.T) {
	s := newStack(t, engines()[0], nil)
	core, operator := s.app.core, auth.Client{Actor: auth.ActorOperator + "root"}
	in := s.verifiedSignUp("ada@example.com")
	s.signUp("eve@example.com")
	_, undo := s.emailChange(in.access, "new@example.com")
	if _, err := core.SetEmail(t.Context(), "ada@example.com", "EVE@example.com", operator); auth.AsError(err) == nil || auth.AsError(err).Code != auth.CodeConflict {
		t.Errorf("an address of another account: %v", err)
	}
	if n, err := core.SetEmail(t.Context(), "ada@example.com", "ada@example.org", operator); n != 1 || err != nil {
		t.Fatalf("SetEmail: %d %v", n, err)
	}
	if problem := s.access(in.access); problem != "SESSION_REVOKED" {
		t.Errorf("a session after SetEmail: %q", problem)
	}
	ended, problem := s.undoChange(undo)
	wantAnswer(t, "a link that undoes a change before SetEmail", ended, problem, "0 BAD_USER_INPUT token")
	if !slices.Contains(s.mailsTo(), "email_changed ada@example.com") {
		t.Errorf("mails %q", s.mailsTo())
	}
	access, problem := s.loginWith("ada@example.org", goodPassword)
	if problem != "" || s.me(access).EmailVerifiedAt != nil {
		t.Errorf("login with the new address: %q", problem)
	}
	for _, want := range []bool{true, false} {
		if changed, err := core.MarkEmailVerified(t.Context(), "ada@example.org", operator); changed != want || err != nil {
			t.Errorf("MarkEmailVerified: %v %v, want %v", changed, err, want)
		}
	}
	if s.me(access).EmailVerifiedAt == nil {
		t.Error("the address is not verified")
	}
	for range auth.MaxLiveTokens + 1 {
		s.advance(time.Millisecond)
		if err := core.SendReset(t.Context(), "ada@example.org", operator); err != nil {
			t.Fatal(err)
		}
	}
	if ended, problem := s.reset(s.lastLink(auth.MailResetPassword, auth.PurposeResetPassword), resetTo); ended != 1 || problem != "" {
		t.Errorf("reset: %d %s", ended, problem)
	}
	if n := s.number(`SELECT count(*) FROM security_events WHERE actor LIKE 'cli:%' AND kind IN ('email_changed', 'email_verified', 'password_reset_requested')`); n != 6 {
		t.Errorf("%d events of the operator, want 6", n)
	}
	if err := core.SendReset(t.Context(), "nobody@example.com", operator); auth.AsError(err) == nil || auth.AsError(err).Code != auth.CodeNotFound {
		t.Errorf("a reset for nobody: %v", err)
	}
}
