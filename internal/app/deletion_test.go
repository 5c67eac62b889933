package app

import (
	"testing"
	"time"

	"rekey/internal/auth"
)

func (s *stack) deleteAccount(access string) (at time.Time, problem string) {
	s.t.Helper()
	var data struct{ DeleteAccount time.Time }
	problem = s.graphql(access, `mutation { deleteAccount }`, nil, &data)
	return data.DeleteAccount, problem
}

func (s *stack) cancelDeletion(token string) (problem string) {
	s.t.Helper()
	var data struct{ CancelDeletion bool }
	problem = s.graphql("", `mutation($t: String!) { cancelDeletion(token: $t) }`, map[string]any{"t": token}, &data)
	if problem == "" && !data.CancelDeletion {
		s.t.Error("the answer is false")
	}
	return problem
}

func (s *stack) wantEnded(ended ...tokens) {
	s.t.Helper()
	for _, tokens := range ended {
		if problem := s.access(tokens.access); problem != "SESSION_REVOKED" {
			s.t.Errorf("access: %q", problem)
		}
		if out := refreshGraphQL(s, tokens.refresh, ""); out.problem != "SESSION_REVOKED" {
			s.t.Errorf("refresh: %q", out.problem)
		}
	}
}

func (s *stack) wantLogin(password, want string) {
	s.t.Helper()
	if _, problem := s.loginWith("ada@example.com", password); problem != want {
		s.t.Errorf("login: %q, want %q", problem, want)
	}
}

func (s *stack) eraseDue(want int) {
	s.t.Helper()
	n, err := s.app.core.EraseDue(s.t.Context())
	if err != nil || n != want {
		s.t.Fatalf("erased %d accounts, want %d: %v", n, want, err)
	}
}

func TestDeletion_Cancel(t *testing.T) {
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			s := newStack(t, e, nil)
			first, second := s.signUp("ada@example.com"), s.login("ada@example.com")
			reset := s.resetLink("ada@example.com")
			at, problem := s.deleteAccount(first.access)
			if want := s.clock().Add(7 * 24 * time.Hour); problem != "" || !at.Equal(want) {
				t.Fatalf("deletion at %s %s, want %s", at, problem, want)
			}
			s.wantEnded(first, second)
			s.wantLogin(goodPassword, "ACCOUNT_DELETING")
			s.wantLogin("another horse", "INVALID_CREDENTIALS")
			if _, problem := s.reset(reset, resetTo); problem != "BAD_USER_INPUT token" {
				t.Errorf("a reset: %q", problem)
			}
			link := s.lastLink(auth.MailCancelDeletion, auth.PurposeCancelDeletion)
			s.advance(time.Minute)
			if problem := s.requestReset("ada@example.com"); problem != "" {
				t.Errorf("requesting another link: %s", problem)
			}
			other := s.lastLink(auth.MailCancelDeletion, auth.PurposeCancelDeletion)
			if other == link {
				t.Fatal("no other link was mailed")
			}
			s.eraseDue(0)
			s.advance(time.Minute) // ids of mails sort by time
			if problem := s.cancelDeletion(other); problem != "" {
				t.Fatalf("cancel: %s", problem)
			}
			for _, used := range []string{link, other, reset, "x"} {
				if problem := s.cancelDeletion(used); problem != "BAD_USER_INPUT token" {
					t.Errorf("a used link: %q", problem)
				}
			}
			s.wantEnded(first, second)
			s.advance(8 * 24 * time.Hour)
			s.eraseDue(0)
			s.wantLogin(goodPassword, "")
			if m := s.mails(); m[len(m)-1].Kind != auth.MailDeletionCancelled {
				t.Errorf("last mail: %s", m[len(m)-1].Kind)
			}
		})
	}
}

func TestDeletion_Erasure(t *testing.T) {
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			s := newStack(t, e, nil)
			ada, eve := s.signUp("ada@example.com"), s.signUp("eve@example.com")
			user := s.number(`SELECT count(*) FROM security_events WHERE address <> ''`)
			if _, problem := s.deleteAccount(ada.access); problem != "" {
				t.Fatal(problem)
			}
			link := s.lastLink(auth.MailCancelDeletion, auth.PurposeCancelDeletion)
			s.advance(7*24*time.Hour - time.Second)
			s.eraseDue(0)
			s.advance(time.Second)
			s.eraseDue(1)
			s.eraseDue(0)
			s.wantLogin(goodPassword, "INVALID_CREDENTIALS")
			if problem := s.cancelDeletion(link); problem != "BAD_USER_INPUT token" {
				t.Errorf("cancel: %q", problem)
			}
			if n := s.number(`SELECT count(*) FROM security_events WHERE address <> '' AND kind IN ('sign_up', 'deletion_requested')`); n != 1 {
				t.Errorf("%d of %d events have an address, want that of the other user's sign-up", n, user)
			}
			mails := s.mails()
			if len(mails) != 1 || mails[0].Kind != auth.MailAccountDeleted || mails[0].To != "ada@example.com" ||
				s.number(`SELECT count(*) FROM mails WHERE user_id IS NOT NULL`) != 0 {
				t.Errorf("mails %+v", mails)
			}
			s.signUp("ada@example.com") // the address is free
			if out := refreshGraphQL(s, eve.refresh, ""); out.problem != "" {
				t.Errorf("another user: %q", out.problem)
			}
			s.advance(2 * time.Hour)
			if _, err := s.app.store.Clean(t.Context(), 100); err != nil {
				t.Fatal(err)
			}
			s.eraseDue(0)
			if n := s.number(`SELECT count(*) FROM users`); n != 2 {
				t.Errorf("%d users remain", n)
			}
			if out := refreshGraphQL(s, ada.refresh, ""); out.problem != "SESSION_UNKNOWN" {
				t.Errorf("refresh: %q", out.problem)
			}
		})
	}
}

// TestDeletion_AtOnce: without a grace, the address is free when the answer comes, and
// the access token, which has not expired, is refused.
func TestDeletion_AtOnce(t *testing.T) {
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			s := newStack(t, e, map[string]string{"DELETION_GRACE": "0"})
			ada := s.signUp("ada@example.com")
			at, problem := s.deleteAccount(ada.access)
			if problem != "" || !at.Equal(s.clock()) {
				t.Fatalf("deletion at %s: %q", at, problem)
			}
			if n := s.number(`SELECT count(*) FROM users WHERE email <> '' OR name <> '' OR password_hash <> ''`) +
				s.number(`SELECT count(*) FROM sessions WHERE ip_address <> '' OR user_agent <> ''`) +
				s.number(`SELECT count(*) FROM security_events WHERE address <> '' OR user_agent <> ''`) +
				s.number(`SELECT count(*) FROM one_time_tokens`); n != 0 {
				t.Errorf("%d rows have data of the person", n)
			}
			s.wantEnded(ada)
			again := s.signUp("ada@example.com")
			if problem := s.access(again.access); problem != "" {
				t.Errorf("the new account: %q", problem)
			}
			s.wantEnded(ada)
		})
	}
}
