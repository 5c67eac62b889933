package app

import (
	"slices"
	"strings"
	"testing"
	"time"

	"rekey/internal/auth"
)

// verifying are the settings of tests in which signUp mails a link and a code.
func verifying() map[string]string { return map[string]string{"EMAIL_VERIFICATION": "optional"} }

// verifiedEmail is the answer of verifyEmail.
type verifiedEmail struct {
	Email           string
	EmailVerifiedAt time.Time
	PasswordRemoved bool
}

const verifyFields = ` { email emailVerifiedAt passwordRemoved } }`

func (s *stack) verifyLink(bearer, token string) (verifiedEmail, string) {
	s.t.Helper()
	var data struct{ VerifyEmail verifiedEmail }
	problem := s.graphql(bearer, `mutation($t: String!) { verifyEmail(input: {token: $t})`+verifyFields, map[string]any{"t": token}, &data)
	return data.VerifyEmail, problem
}

func (s *stack) verifyCode(bearer, code string) (verifiedEmail, string) {
	s.t.Helper()
	var data struct{ VerifyEmail verifiedEmail }
	problem := s.graphql(bearer, `mutation($c: String!) { verifyEmail(input: {code: $c})`+verifyFields, map[string]any{"c": code}, &data)
	return data.VerifyEmail, problem
}

func (s *stack) requestVerification(bearer string) (problem string) {
	s.t.Helper()
	s.advance(time.Millisecond) // ids of mails sort by time
	var data struct{ RequestEmailVerification bool }
	problem = s.graphql(bearer, `mutation { requestEmailVerification }`, nil, &data)
	if problem == "" && !data.RequestEmailVerification {
		s.t.Error("the answer is false")
	}
	return problem
}

// verification returns the link's token and the code of the newest mail that
// verifies an address.
func (s *stack) verification() (token, code string) {
	s.t.Helper()
	token = s.lastLink(auth.MailVerifyEmail, auth.PurposeVerifyEmail)
	mails := slices.DeleteFunc(s.mails(), func(m auth.Mail) bool { return m.Kind != auth.MailVerifyEmail })
	return token, mails[len(mails)-1].Code
}

// account has the fields of an account that verifications change.
type account struct {
	Email           string
	EmailVerifiedAt *time.Time
	HasPassword     bool
}

func (s *stack) me(access string) account {
	s.t.Helper()
	var data struct{ Me account }
	if problem := s.graphql(access, `{ me { email emailVerifiedAt hasPassword } }`, nil, &data); problem != "" {
		s.t.Fatalf("me: %s", problem)
	}
	return data.Me
}

// TestVerifyEmail: signUp mails a link and a code. With the session of the account
// either verifies the address, voids nothing, and gets the same answer again.
func TestVerifyEmail(t *testing.T) {
	for _, e := range engines() {
		for _, by := range []string{"link", "code"} {
			t.Run(e.name+"/"+by, func(t *testing.T) {
				s := newStack(t, e, verifying())
				first, second := s.signUp("Ada@example.com"), s.login("ada@example.com")
				m := s.mails()[0]
				if len(s.mails()) != 1 || m.To != "Ada@example.com" || m.Name != "Ada" || m.ExpiresAt.Sub(m.At) != 24*time.Hour || m.CodeExpiresAt.Sub(m.At) != 10*time.Minute {
					t.Errorf("mails %+v", s.mails())
				}
				token, code := s.verification()
				if len(code) != 8 || strings.Trim(code, "0123456789") != "" {
					t.Errorf("code %q", code)
				}
				verify := func() (verifiedEmail, string) { return s.verifyLink(first.access, token) }
				if by == "code" {
					verify = func() (verifiedEmail, string) { return s.verifyCode(first.access, code) }
				}
				s.advance(time.Minute)
				if s.me(first.access).EmailVerifiedAt != nil {
					t.Fatal("verified before")
				}
				got, problem := verify()
				if problem != "" || got.Email != "Ada@example.com" || !got.EmailVerifiedAt.Equal(s.clock()) || got.PasswordRemoved {
					t.Fatalf("%+v %s", got, problem)
				}
				s.advance(time.Minute)
				if again, problem := verify(); problem != "" || again != got {
					t.Errorf("a repeat: %+v %s", again, problem)
				}
				if me := s.me(second.access); me.EmailVerifiedAt == nil || !me.EmailVerifiedAt.Equal(got.EmailVerifiedAt) || !me.HasPassword {
					t.Errorf("the account: %+v", me)
				}
				var before, after struct {
					User struct {
						EmailVerifiedAt *time.Time `json:"email_verified_at"`
					}
				}
				next := s.mustRefresh(first.refresh)
				claimsOf(t, first.access, &before)
				claimsOf(t, next.access, &after)
				if before.User.EmailVerifiedAt != nil || after.User.EmailVerifiedAt == nil || !after.User.EmailVerifiedAt.Equal(got.EmailVerifiedAt) {
					t.Errorf("claims before %v, after a refresh %v", before.User.EmailVerifiedAt, after.User.EmailVerifiedAt)
				}
				if kinds := s.kinds(); strings.Count(kinds, "email_verified") != 1 {
					t.Errorf("journal: %s", kinds)
				}
				s.login("ada@example.com")
			})
		}
	}
}

// TestVerifyEmail_takeOver: a link that is used without a session of an account that
// was never verified voids what the account had before, and nothing of another
// account.
func TestVerifyEmail_takeOver(t *testing.T) {
	for _, e := range engines() {
		for _, with := range []string{"no token", "the token of another account", "the token of a session that has ended", "an invalid token"} {
			t.Run(e.name+"/"+with, func(t *testing.T) {
				s := newStack(t, e, verifying())
				stranger := s.signUp("eve@example.com")
				first, second := s.signUp("ada@example.com"), s.login("ada@example.com")
				s.advance(time.Millisecond)
				reset := s.resetLink("ada@example.com")
				if problem := s.requestVerification(first.access); problem != "" {
					t.Fatal(problem)
				}
				token, _ := s.verification()
				s.requestVerification(first.access)
				other, _ := s.verification()
				ended := s.login("ada@example.com")
				s.logout(ended.access)
				bearer := map[string]string{
					"no token": "", "the token of another account": stranger.access, "the token of a session that has ended": ended.access, "an invalid token": "x.y.z",
				}[with]
				got, problem := s.verifyLink(bearer, token)
				if problem != "" || got.Email != "ada@example.com" || !got.PasswordRemoved || !got.EmailVerifiedAt.Equal(s.clock().Truncate(time.Microsecond)) {
					t.Fatalf("%+v %s", got, problem)
				}
				for _, session := range []tokens{first, second} {
					if problem := s.access(session.access); problem != "SESSION_REVOKED" {
						t.Errorf("access: %q", problem)
					}
					if out := refreshGraphQL(s, session.refresh, ""); out.problem != "SESSION_REVOKED" {
						t.Errorf("refresh: %q", out.problem)
					}
				}
				if problem := s.access(stranger.access); problem != "" {
					t.Errorf("the session of another account: %q", problem)
				}
				if _, problem := s.loginWith("ada@example.com", goodPassword); problem != "INVALID_CREDENTIALS" {
					t.Errorf("the previous password: %q", problem)
				}
				if _, problem := s.reset(reset, resetTo); problem != "BAD_USER_INPUT token" {
					t.Errorf("the previous link: %q", problem)
				}
				if _, problem := s.verifyLink("", other); problem != "BAD_USER_INPUT token" {
					t.Errorf("the other link: %q", problem)
				}
				if again, problem := s.verifyLink("", token); problem != "" || again != got {
					t.Errorf("a repeat: %+v %s", again, problem)
				}
				s.advance(time.Minute)
				if _, problem := s.reset(s.resetLink("ada@example.com"), resetTo); problem != "" {
					t.Fatalf("reset: %s", problem)
				}
				access, problem := s.loginWith("ada@example.com", resetTo)
				if problem != "" || !s.me(access).HasPassword || !s.me(access).EmailVerifiedAt.Equal(got.EmailVerifiedAt) {
					t.Errorf("after the reset: %s", problem)
				}
				if again, problem := s.verifyLink("", token); problem != "" || again != got {
					t.Errorf("a repeat after the reset: %+v %s", again, problem)
				}
			})
		}
	}
}

// TestVerifyEmail_refreshFirst: a link with an access token of the account that has
// expired or was replaced is refused, because the account would be taken over. The
// link then still works.
func TestVerifyEmail_refreshFirst(t *testing.T) {
	s := newStack(t, engines()[0], verifying())
	first := s.signUp("ada@example.com")
	token, _ := s.verification()
	s.advance(16 * time.Minute)
	if _, problem := s.verifyLink(first.access, token); problem != "TOKEN_EXPIRED" {
		t.Errorf("expired: %q", problem)
	}
	second := s.mustRefresh(first.refresh)
	third := s.mustRefresh(second.refresh)
	s.advance(11 * time.Second)
	if _, problem := s.verifyLink(second.access, token); problem != "TOKEN_BLACKLISTED" {
		t.Errorf("replaced: %q", problem)
	}
	if got, problem := s.verifyLink(third.access, token); problem != "" || got.PasswordRemoved {
		t.Errorf("%+v %s", got, problem)
	}
	s.advance(16 * time.Minute)
	if got, problem := s.verifyLink(third.access, token); problem != "" || got.PasswordRemoved {
		t.Errorf("a repeat with an expired token: %+v %s", got, problem)
	}
}

// TestVerifyEmail_verified: a link to an address that is verified voids nothing.
func TestVerifyEmail_verified(t *testing.T) {
	s := newStack(t, engines()[0], verifying())
	in := s.signUp("ada@example.com")
	token, _ := s.verification()
	s.requestVerification(in.access)
	other, code := s.verification()
	want, problem := s.verifyCode(in.access, code)
	if problem != "" {
		t.Fatal(problem)
	}
	s.advance(time.Minute)
	for name, link := range map[string]string{"of the code's mail": other, "of another mail": token} {
		if got, problem := s.verifyLink("", link); problem != "" || got != want {
			t.Errorf("the link %s: %+v %s", name, got, problem)
		}
	}
	if problem := s.access(in.access); problem != "" {
		t.Errorf("access: %q", problem)
	}
	s.login("ada@example.com")
	before := len(s.mails())
	if problem := s.requestVerification(in.access); problem != "" || len(s.mails()) != before {
		t.Errorf("%q, %d mails, want %d", problem, len(s.mails()), before)
	}
}

func TestVerifyEmail_InvalidLinks(t *testing.T) {
	s := newStack(t, engines()[0], verifying())
	in := s.signUp("ada@example.com")
	token, _ := s.verification()
	refused := func(name, token string) {
		t.Helper()
		for _, bearer := range []string{"", in.access} {
			if _, problem := s.verifyLink(bearer, token); problem != "BAD_USER_INPUT token" {
				t.Errorf("%s: %q", name, problem)
			}
		}
	}
	for name, invalid := range map[string]string{"empty": "", "random": strings.Repeat("A", 43), "short": token[:42], "padded": token + "="} {
		refused(name, invalid)
	}
	refused("of a reset", s.resetLink("ada@example.com"))
	s.exec(`UPDATE users SET email_key = 'other@example.com'`)
	refused("to another address", token)
	s.exec(`UPDATE users SET email_key = 'ada@example.com'`)
	s.exec(`UPDATE users SET disabled_at = 1`)
	if _, problem := s.verifyLink("", token); problem != "BAD_USER_INPUT token" {
		t.Errorf("of a disabled account: %q", problem)
	}
	s.exec(`UPDATE users SET disabled_at = NULL`)
	s.advance(24 * time.Hour)
	in = s.mustRefresh(in.refresh)
	refused("expired", token)
}

func TestVerifyEmail_Codes(t *testing.T) {
	s := newStack(t, engines()[0], verifying())
	in := s.signUp("ada@example.com")
	_, code := s.verification()
	s.advance(time.Millisecond)
	stranger := s.signUp("eve@example.com")
	for _, bearer := range []string{"", "x.y.z"} {
		if _, problem := s.verifyCode(bearer, code); problem != map[string]string{"": "TOKEN_MISSING", "x.y.z": "TOKEN_INVALID"}[bearer] {
			t.Errorf("access token %q: %q", bearer, problem)
		}
	}
	if _, problem := s.verifyCode(stranger.access, code); problem != "BAD_USER_INPUT code" {
		t.Errorf("the code of another account: %q", problem)
	}
	s.advance(10 * time.Minute)
	if _, problem := s.verifyCode(in.access, code); problem != "BAD_USER_INPUT code" {
		t.Errorf("an expired code: %q", problem)
	}
	for _, malformed := range []string{"", "x", "1234567", code + "0"} {
		if _, problem := s.verifyCode(in.access, malformed); problem != "BAD_USER_INPUT code" {
			t.Errorf("%q: %q", malformed, problem)
		}
	}
	s.advance(time.Hour + 10*time.Minute) // tries no longer count
	in = s.mustRefresh(in.refresh)
	s.requestVerification(in.access)
	_, code = s.verification()
	wrong := "00000000"
	if code == wrong {
		wrong = "00000001"
	}
	for range auth.MaxCodeTries {
		if _, problem := s.verifyCode(in.access, wrong); problem != "BAD_USER_INPUT code" {
			t.Errorf("a wrong code: %q", problem)
		}
	}
	if _, problem := s.verifyCode(in.access, code); problem != "RATE_LIMITED" {
		t.Errorf("a sixth try: %q", problem)
	}
	if token, _ := s.verification(); s.me(in.access).EmailVerifiedAt != nil {
		t.Error("verified by wrong codes")
	} else if _, problem := s.verifyLink(in.access, token); problem != "" {
		t.Errorf("the link: %q", problem)
	}
}
