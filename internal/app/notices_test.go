package app

import (
	"bytes"
	"testing"
	"time"

	"rekey/internal/auth"
)

// mails returns the mails in the outbox, decrypted. The database contains neither
// the address nor the name.
func (s *stack) mails() []auth.Mail {
	s.t.Helper()
	queued, err := s.app.core.Mails(s.t.Context(), auth.MailQuery{Limit: 100})
	if err != nil {
		s.t.Fatal(err)
	}
	mails := make([]auth.Mail, len(queued))
	for i, q := range queued {
		m, err := auth.OpenMail(s.app.sealer, q.SealedMail)
		if err != nil {
			s.t.Fatal(err)
		}
		if bytes.Contains(q.Sealed.Text, []byte(m.To)) || m.Name != "" && bytes.Contains(q.Sealed.Text, []byte(m.Name)) {
			s.t.Errorf("the outbox shows what mail %s says", q.ID)
		}
		mails[i] = m
	}
	return mails
}

// TestNotices_Reuse: the revocation for reuse writes one mail to the account's
// address, whatever the number of attempts. No other refresh writes one.
func TestNotices_Reuse(t *testing.T) {
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			s := newStack(t, e, nil)
			first := s.signUp("ada@example.com")
			s.advance(time.Minute)
			second := s.mustRefresh(first.refresh)
			if out := refreshGraphQL(s, first.refresh, ""); out.problem != "TOKEN_BLACKLISTED" { // a race
				t.Errorf("within the window: %q", out.problem)
			}
			s.advance(time.Minute)
			s.mustRefresh(second.refresh)
			if mails := s.mails(); len(mails) != 0 {
				t.Fatalf("before the reuse: %+v", mails)
			}
			for range 3 {
				s.advance(time.Minute)
				if out := refreshGraphQL(s, first.refresh, ""); out.problem != "TOKEN_REUSED" && out.problem != "SESSION_REVOKED" {
					t.Errorf("the reuse: %q", out.problem)
				}
			}
			mails := s.mails()
			if len(mails) != 1 {
				t.Fatalf("%d mails, want 1", len(mails))
			}
			m := mails[0]
			if m.Kind != auth.MailSessionReused || m.To != "ada@example.com" || m.Name != "Ada" || m.Client.Transport != auth.TransportGraphQL {
				t.Errorf("mail %+v", m)
			}
		})
	}
}

// TestNotices_Password: a changed password writes one mail, a refused change none.
func TestNotices_Password(t *testing.T) {
	const change = `mutation($p: String!) { changePassword(input: {currentPassword: $p, newPassword: "another fine horse"}) { sessionsEnded } }`
	for _, e := range engines()[:2] {
		t.Run(e.name, func(t *testing.T) {
			s := newStack(t, e, nil)
			in := s.signUp("ada@example.com")
			var data struct{ ChangePassword struct{ SessionsEnded int } }
			if problem := s.graphql(in.access, change, map[string]any{"p": "wrong horse"}, &data); problem == "" {
				t.Error("changed with a wrong password")
			}
			if mails := s.mails(); len(mails) != 0 {
				t.Errorf("after a refused change: %+v", mails)
			}
			if problem := s.graphql(in.access, change, map[string]any{"p": goodPassword}, &data); problem != "" {
				t.Fatal(problem)
			}
			if mails := s.mails(); len(mails) != 1 || mails[0].Kind != auth.MailPasswordChanged || mails[0].To != "ada@example.com" {
				t.Errorf("mails %+v", mails)
			}
		})
	}
}

// TestNotices_NewLogin: with NOTIFY_NEW_LOGIN, a login mails the account if it
// was never used from its network with its agent before. A device that the account
// knows, and a repeat of the same login, cause none.
func TestNotices_NewLogin(t *testing.T) {
	const home, abroad = 1000, 2000 // of networks that differ in more than the last byte
	for _, e := range engines()[:2] {
		t.Run(e.name, func(t *testing.T) {
			settings := behindProxy()
			settings["NOTIFY_NEW_LOGIN"] = "on"
			s := newStack(t, e, settings)
			device := s.signUpFrom(home, "ada@example.com").device
			for i, step := range []struct {
				network int
				device  string
				mails   int
			}{{home, "", 0}, {home + 1, "", 0}, {abroad, device, 0}, {abroad + 500, "", 1}, {abroad + 501, "", 1}, {abroad + 1000, "", 2}} {
				if got := s.logInFrom(step.network, "ada@example.com", goodPassword, step.device); got.problem != "" {
					t.Fatalf("login %d: %s", i, got.problem)
				}
				mails := s.mails()
				if len(mails) != step.mails {
					t.Fatalf("after login %d: %d mails, want %d", i, len(mails), step.mails)
				}
				for _, m := range mails {
					if m.Kind != auth.MailNewLogin || m.To != "ada@example.com" || m.Client.Address == "" {
						t.Errorf("%+v", m)
					}
				}
				s.advance(time.Minute)
			}
		})
	}
}

// TestNotices_NewLogin_off: by default, no login mails the account.
func TestNotices_NewLogin_off(t *testing.T) {
	s := newStack(t, engines()[0], behindProxy())
	s.signUpFrom(1000, "ada@example.com")
	if got := s.logInFrom(2000, "ada@example.com", goodPassword, ""); got.problem != "" {
		t.Fatal(got.problem)
	}
	if mails := s.mails(); len(mails) != 0 {
		t.Errorf("%+v", mails)
	}
}
