package app

import (
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"rekey/internal/auth"
	"rekey/internal/test/racing"
)

// TestVerification_off: no mail is sent unless a session requests it.
func TestVerification_off(t *testing.T) {
	s := newStack(t, engines()[0], map[string]string{"EMAIL_VERIFICATION": "off"})
	in := s.signUp("ada@example.com")
	if mails := s.mails(); len(mails) != 0 || s.number(`SELECT count(*) FROM one_time_tokens`) != 0 {
		t.Errorf("mails %+v", mails)
	}
	if problem := s.requestVerification(in.access); problem != "" {
		t.Fatal(problem)
	}
	token, _ := s.verification()
	if got, problem := s.verifyLink(in.access, token); problem != "" || got.PasswordRemoved {
		t.Errorf("%+v %s", got, problem)
	}
}

// TestVerification_required: nobody signs up by password, and nobody logs in to an
// account whose address is not verified. Sessions that exist continue.
func TestVerification_required(t *testing.T) {
	for _, e := range engines()[:2] {
		t.Run(e.name, func(t *testing.T) {
			settings := map[string]string{"EMAIL_VERIFICATION": "required"}
			s := newStack(t, e, settings)
			var data struct{ SignUp struct{ Token string } }
			problem := s.graphql("", `mutation { signUp(input: {name: "Ada", email: "ada@example.com", password: "correct horse"}) { token } }`, nil, &data)
			if problem != "USE_REQUEST_SIGN_UP" || s.number(`SELECT count(*) FROM users`) != 0 {
				t.Errorf("signUp: %q", problem)
			}
			in := s.completed("ada@example.com")
			s.exec(`UPDATE users SET email_verified_at = NULL`)
			before := len(s.mails())
			for range 2 { // the second mail would exceed the limit, if there were any
				if _, problem := s.loginWith("ada@example.com", "the wrong horse"); problem != "INVALID_CREDENTIALS" {
					t.Errorf("a wrong password: %q", problem)
				}
			}
			if len(s.mails()) != before {
				t.Error("a wrong password sent a mail")
			}
			if _, problem := s.loginWith("ada@example.com", goodPassword); problem != "EMAIL_UNVERIFIED" || len(s.mails()) != before+1 {
				t.Errorf("login: %q, %d mails", problem, len(s.mails())-before)
			}
			if n := s.number(`SELECT count(*) FROM sessions`); n != 1 {
				t.Errorf("%d sessions", n)
			}
			in = s.mustRefresh(in.refresh)
			token, _ := s.verification()
			if got, problem := s.verifyLink(in.access, token); problem != "" || got.PasswordRemoved {
				t.Errorf("%+v %s", got, problem)
			}
			s.login("ada@example.com")
		})
	}
}

// TestVerification_requiredByReset: a reset proves the address, so that its owner
// logs in.
func TestVerification_requiredByReset(t *testing.T) {
	s := newStack(t, engines()[0], map[string]string{"EMAIL_VERIFICATION": "required"})
	s.completed("ada@example.com")
	s.exec(`UPDATE users SET email_verified_at = NULL`)
	if _, problem := s.reset(s.resetLink("ada@example.com"), resetTo); problem != "" {
		t.Fatal(problem)
	}
	if _, problem := s.loginWith("ada@example.com", resetTo); problem != "" {
		t.Errorf("login: %q", problem)
	}
}

// TestVerification_Limits: requests count by account, whatever strangers do, and the
// login of an account that is not verified counts under the same limits.
func TestVerification_Limits(t *testing.T) {
	settings := behindProxy()
	settings["EMAIL_VERIFICATION"] = "required"
	s := newStack(t, engines()[0], settings)
	in := s.completed("ada@example.com")
	s.exec(`UPDATE users SET email_verified_at = NULL`)
	for network := 2; network < 20; network++ { // strangers use up the recipient's budget
		s.advance(61 * time.Second)
		s.tryFrom(network, "", `mutation { x: requestPasswordReset(email: "ada@example.com") }`, nil)
	}
	s.advance(time.Minute)
	in = s.mustRefresh(in.refresh)
	before := len(s.mails())
	for i, want := range []string{"", "RATE_LIMITED", "", "", "", "", "RATE_LIMITED"} {
		if problem := s.requestVerification(in.access); problem != want {
			t.Errorf("request %d: %q, want %q", i, problem, want)
		}
		if i > 0 {
			s.advance(61 * time.Second)
		}
	}
	if _, problem := s.loginWith("ada@example.com", goodPassword); problem != "EMAIL_UNVERIFIED" || len(s.mails()) != before+5 {
		t.Errorf("login: %q, %d mails", problem, len(s.mails())-before)
	}
	if live := s.number(`SELECT count(*) FROM one_time_tokens WHERE purpose = 'verify_email'`); live != auth.MaxLiveTokens {
		t.Errorf("%d links, want %d", live, auth.MaxLiveTokens)
	}
	s.advance(24 * time.Hour)
	if _, problem := s.loginWith("ada@example.com", goodPassword); problem != "EMAIL_UNVERIFIED" || len(s.mails()) != before+6 {
		t.Errorf("login a day later: %q, %d mails", problem, len(s.mails())-before)
	}
}

// TestVerification_SignUpLimits: a sign-up succeeds without a mail if the network
// has used up its mails.
func TestVerification_SignUpLimits(t *testing.T) {
	settings := behindProxy()
	settings["EMAIL_VERIFICATION"] = "optional"
	s := newStack(t, engines()[0], settings)
	for i := range 12 {
		s.advance(5 * time.Second)
		s.signUpFrom(homeNetwork, strings.Repeat("a", i+1)+"@example.com")
	}
	if n := len(s.mails()); n < 10 || n > 11 {
		t.Errorf("%d mails", n)
	}
	if users := s.number(`SELECT count(*) FROM users`); users != 12 {
		t.Errorf("%d users", users)
	}
}

func TestVerification_Locale(t *testing.T) {
	s := newStack(t, engines()[0], verifying())
	in := s.signUp("ada@example.com")
	s.exec(`UPDATE users SET locale = 'hu'`)
	var data struct{ RequestEmailVerification bool }
	for document, want := range map[string]string{
		`mutation { requestEmailVerification }`:                  "hu",
		`mutation { requestEmailVerification(locale: "pt_br") }`: "pt-BR",
	} {
		s.advance(time.Millisecond)
		if problem := s.graphql(in.access, document, nil, &data); problem != "" {
			t.Fatal(problem)
		}
		if mails := s.mails(); mails[len(mails)-1].Locale != want {
			t.Errorf("%s: the mail is in %q", document, mails[len(mails)-1].Locale)
		}
	}
	if problem := s.graphql(in.access, `mutation { requestEmailVerification(locale: "../x") }`, nil, &data); problem != "BAD_USER_INPUT locale" {
		t.Errorf("locale: %q", problem)
	}
	if problem := s.requestVerification(""); problem != "TOKEN_MISSING" {
		t.Errorf("without a session: %q", problem)
	}
}

func TestVerification_WithoutMail(t *testing.T) {
	s := newStack(t, engines()[0], verifying())
	options := s.ports.options
	options.SendsMail = false
	core, err := auth.New(options)
	if err != nil {
		t.Fatal(err)
	}
	ctx, c := t.Context(), auth.Client{}
	g, err := core.SignUp(ctx, auth.SignUpInput{Name: "Ada", Email: "ada@example.com", Password: goodPassword}, c)
	if err != nil || s.number(`SELECT count(*) FROM one_time_tokens`) != 0 {
		t.Fatalf("sign-up: %v", err)
	}
	code := "12345678"
	_, byLink := core.VerifyEmail(ctx, auth.VerifyEmailInput{Token: "x"}, c)
	_, byCode := core.VerifyEmail(ctx, auth.VerifyEmailInput{Code: &code, AccessToken: g.AccessToken}, c)
	_, complete := core.CompleteSignUp(ctx, auth.CompleteSignUpInput{}, c)
	for name, err := range map[string]error{
		"link": byLink, "code": byCode, "completeSignUp": complete,
		"requestSignUp":            core.RequestSignUp(ctx, auth.RequestSignUpInput{Name: "Ada", Email: "eve@example.com"}, c),
		"requestEmailVerification": core.RequestEmailVerification(ctx, auth.Caller{UserID: g.User.ID}, "", c),
	} {
		if e := auth.AsError(err); e == nil || e.Code != auth.CodeForbidden || e.Reason != auth.ReasonMailNotConfigured {
			t.Errorf("%s: %v, want FORBIDDEN, MAIL_NOT_CONFIGURED", name, err)
		}
	}
}

// TestVerifyEmail_Races: a link is used twice without a session and once with one,
// while the password is changed. All uses that succeed get the same answer, and a
// password that was chosen later than the link was used remains.
func TestVerifyEmail_Races(t *testing.T) {
	for _, e := range engines()[:2] {
		t.Run(e.name, func(t *testing.T) {
			s := newStack(t, e, verifying())
			for round := range racing.Rounds(t, raceRounds) {
				email := "ada" + strconv.Itoa(round) + "@example.com"
				in := s.signUp(email)
				token, _ := s.verification()
				var mu sync.Mutex
				var answers []verifiedEmail
				use := func(bearer string) func() {
					return func() {
						got, problem := s.verifyLink(bearer, token)
						mu.Lock()
						defer mu.Unlock()
						switch problem {
						case "":
							answers = append(answers, got)
						case "BAD_USER_INPUT token", "TOKEN_BLACKLISTED": // the change came first
						default:
							t.Errorf("verifyEmail: %s", problem)
						}
					}
				}
				var change changed
				together(use(""), use(""), use(in.access), func() { change = s.changePassword(in.access, betterPassword, "") })
				for _, got := range answers {
					if got != answers[0] {
						t.Errorf("different answers: %+v", answers)
					}
				}
				_, old := s.loginWith(email, goodPassword)
				_, next := s.loginWith(email, betterPassword)
				removed := len(answers) > 0 && answers[0].PasswordRemoved
				switch {
				case change.problem == "" && (next != "" || removed):
					t.Errorf("the password was changed, but login: %q, removed: %v", next, removed)
				case change.problem != "" && removed && (old != "INVALID_CREDENTIALS" || next != "INVALID_CREDENTIALS"):
					t.Errorf("the account was taken over, but logins: %q, %q", old, next)
				case change.problem != "" && !removed:
					t.Errorf("the change failed with %s although nothing was removed", change.problem)
				}
				s.advance(time.Minute)
			}
		})
	}
}
