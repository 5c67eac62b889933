package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"rekey/internal/auth"
	"rekey/internal/test/racing"
)

// unverified stores a user with a session, whose address is not verified.
func (s suite) unverified(t *testing.T) (auth.User, auth.Session) {
	t.Helper()
	u := newUser()
	u.EmailVerifiedAt = nil
	sess := newSession(u.ID)
	must(t, s.CreateUser(t.Context(), auth.NewAccount{User: u, Session: sess}, nil))
	return u, sess
}

func testVerifyEmail(t *testing.T, s suite) {
	ctx, later := t.Context(), noon().Add(time.Minute)
	u, sess := s.unverified(t)
	token, other := newToken(u), newToken(u)
	s.issue(t, token)
	s.issue(t, other)
	right := auth.EmailProof{
		UserID: u.ID, EmailKey: u.EmailKey, At: later, Redeem: &auth.Redemption{Hash: token.Hash, Purpose: token.Purpose, Payload: "answer"},
	}
	event := newEvent(auth.EventLogout, u.ID, "", later)
	for name, change := range map[string]func(p *auth.EmailProof){
		"OtherUser":    func(p *auth.EmailProof) { p.UserID = uuid.NewString() },
		"NoUser":       func(p *auth.EmailProof) { p.UserID = "" },
		"OtherAddress": func(p *auth.EmailProof) { p.EmailKey = "other@example.org" },
		"OtherEpoch":   func(p *auth.EmailProof) { p.Epoch = 1 },
		"OtherToken":   func(p *auth.EmailProof) { p.Redeem = &auth.Redemption{Hash: hash("x"), Purpose: token.Purpose} },
		"Expired":      func(p *auth.EmailProof) { p.At = token.ExpiresAt },
	} {
		t.Run(name, func(t *testing.T) {
			p := right
			change(&p)
			_, err := s.VerifyEmail(ctx, p, &event)
			wantError(t, err, auth.ErrMovedOn)
			wantEqual(t, "user", s.state(t, sess.ID).User, u)
			wantEqual(t, "events", len(s.events(t, u.ID)), 0)
		})
	}
	t.Run("Once", func(t *testing.T) {
		got, err := s.VerifyEmail(ctx, right, &event)
		must(t, err)
		u.EmailVerifiedAt, u.UpdatedAt = ptr(later), later
		wantEqual(t, "user", got, u)
		st := s.state(t, sess.ID)
		wantEqual(t, "stored user", st.User, u)
		wantEqual(t, "the session stays", st.Session, sess)
		wantEqual(t, "events", s.events(t, u.ID), []auth.Event{event})
		used, _ := s.token(t, token.Hash)
		wantEqual(t, "used", used.UsedAt, ptr(later))
		wantEqual(t, "payload", used.Payload, "answer")
		_, there := s.token(t, other.Hash)
		wantEqual(t, "the other token is there", there, true)
		_, err = s.VerifyEmail(ctx, right, &event)
		wantError(t, err, auth.ErrMovedOn)
	})
	t.Run("KeepsTheFirstTime", func(t *testing.T) {
		got, err := s.VerifyEmail(ctx, auth.EmailProof{UserID: u.ID, EmailKey: u.EmailKey, At: later.Add(time.Hour)}, nil)
		must(t, err)
		wantEqual(t, "user", got, u)
	})
	t.Run("Disabled", func(t *testing.T) {
		_, err := s.EndSessions(ctx, auth.EndSessions{UserID: u.ID, At: noon(), Disable: true}, nil)
		must(t, err)
		_, err = s.VerifyEmail(ctx, auth.EmailProof{UserID: u.ID, EmailKey: u.EmailKey, At: later}, nil)
		wantError(t, err, auth.ErrMovedOn)
	})
}

// testTakeOver: the change that voids what a never verified account had happens
// only while the address is not verified.
func testTakeOver(t *testing.T, s suite) {
	ctx := t.Context()
	u, sess := s.unverified(t)
	token := newToken(u)
	s.issue(t, token)
	change := auth.EndSessions{
		UserID: u.ID, Reason: "x", At: noon(), RaiseEpoch: true, ExpectEpoch: ptr(int64(0)), ExpectPasswordHash: u.PasswordHash,
		VerifyEmail: true, ExpectUnverified: true, Redeem: &auth.Redemption{Hash: token.Hash, Purpose: token.Purpose},
	}
	ids, err := s.EndSessions(ctx, change, nil)
	must(t, err)
	wantEqual(t, "revoked", ids, []string{sess.ID})
	after, err := s.UserByID(ctx, u.ID)
	must(t, err)
	wantEqual(t, "verified", after.EmailVerifiedAt, ptr(noon()))
	wantEqual(t, "has a password", after.HasPassword(), false)

	t.Run("Start", func(t *testing.T) { s.testTakeOverStart(t) })
	verified, session := s.signUp(t)
	_, err = s.EndSessions(ctx, auth.EndSessions{UserID: verified.ID, Reason: "x", At: noon(), RaiseEpoch: true, ExpectUnverified: true}, nil)
	wantError(t, err, auth.ErrMovedOn)
	wantEqual(t, "session", s.state(t, session.ID).Session, session)
}

// testTakeOverStart: a session begins in the transaction that revokes the others.
func (s suite) testTakeOverStart(t *testing.T) {
	ctx := t.Context()
	u, old := s.unverified(t)
	fresh := newSession(u.ID)
	verified, login := newEvent(auth.EventEmailVerified, u.ID, "", noon()), newEvent(auth.EventLogin, u.ID, fresh.ID, noon().Add(time.Millisecond))
	change := auth.EndSessions{
		UserID: u.ID, Reason: "x", At: noon(), RaiseEpoch: true, ExpectUnverified: true, VerifyEmail: true, Start: &fresh, StartEvent: &login,
		BeforeCommit: func(context.Context, []string) error { return errors.New("refused") },
	}
	if _, err := s.EndSessions(ctx, change, &verified); err == nil {
		t.Error("no error")
	}
	s.wantNoSession(t, fresh.ID)
	change.BeforeCommit = nil
	ids, err := s.EndSessions(ctx, change, &verified)
	must(t, err)
	wantEqual(t, "revoked", ids, []string{old.ID})
	wantEqual(t, "session", s.state(t, fresh.ID).Session, fresh)
	verified.Count = 1
	wantEqual(t, "events", s.events(t, u.ID), []auth.Event{login, verified})
	again := newSession(u.ID)
	change.Start = &again
	_, err = s.EndSessions(ctx, change, &verified)
	wantError(t, err, auth.ErrMovedOn)
	s.wantNoSession(t, again.ID)
}

// newSignUp returns the token of a sign-up, and the account that it creates.
func newSignUp() (auth.OneTimeToken, auth.NewAccount) {
	u := newUser()
	token := newToken(u)
	token.Purpose, token.UserID, token.CodeMAC = auth.PurposeCompleteSignUp, "", nil
	sess := newSession(u.ID)
	return token, auth.NewAccount{User: u, Session: sess, Redeem: &auth.Redemption{Hash: token.Hash, Purpose: token.Purpose, Payload: sess.ID}}
}

func testSignUpByToken(t *testing.T, s suite) {
	ctx := t.Context()
	token, account := newSignUp()
	s.issue(t, token)
	for name, change := range map[string]func(a *auth.NewAccount){
		"OtherToken":   func(a *auth.NewAccount) { a.Redeem.Hash = hash("x") },
		"OtherPurpose": func(a *auth.NewAccount) { a.Redeem.Purpose = auth.PurposeVerifyEmail },
		"OtherAddress": func(a *auth.NewAccount) { a.User.EmailKey = "other" + a.User.EmailKey },
		"Expired":      func(a *auth.NewAccount) { a.User.CreatedAt = token.ExpiresAt },
	} {
		t.Run(name, func(t *testing.T) {
			a, redeem := account, *account.Redeem
			a.Redeem = &redeem
			change(&a)
			wantError(t, s.CreateUser(ctx, a, nil), auth.ErrMovedOn)
			_, err := s.UserByID(ctx, a.User.ID)
			wantError(t, err, auth.ErrNotFound)
			got, _ := s.token(t, token.Hash)
			wantEqual(t, "token", got, token)
		})
	}
	t.Run("Once", func(t *testing.T) {
		issued := newToken(account.User)
		account.Issue = &issued
		must(t, s.CreateUser(ctx, account, nil))
		wantEqual(t, "user", s.state(t, account.Session.ID).User, account.User)
		used, _ := s.token(t, token.Hash)
		token.UsedAt, token.UserID, token.Payload = ptr(noon()), account.User.ID, account.Session.ID
		wantEqual(t, "used token", used, token)
		got, _ := s.token(t, issued.Hash)
		wantEqual(t, "issued token", got, issued)

		_, again := newSignUp()
		again.Redeem = account.Redeem
		again.User.EmailKey = account.User.EmailKey
		wantError(t, s.CreateUser(ctx, again, nil), auth.ErrEmailTaken)
	})
	t.Run("TakenMeanwhile", func(t *testing.T) {
		token, account := newSignUp()
		s.issue(t, token)
		must(t, s.AddUser(ctx, auth.User{ID: uuid.NewString(), Email: "x", EmailKey: account.User.EmailKey, CreatedAt: noon(), UpdatedAt: noon()}, nil))
		wantError(t, s.CreateUser(ctx, account, nil), auth.ErrEmailTaken)
		got, _ := s.token(t, token.Hash)
		wantEqual(t, "token", got, token)
	})
}

// testRaceSignUpByToken: of several uses of one token, one creates an account.
func testRaceSignUpByToken(t *testing.T, s suite) {
	for round := range racing.Rounds(t, redemptions) {
		token, account := newSignUp()
		s.issue(t, token)
		errs := racing.Repeat(racersIn(round), func(int) error {
			a := account
			a.User.ID = uuid.NewString()
			a.Session = newSession(a.User.ID)
			return s.CreateUser(t.Context(), a, nil)
		})
		racing.Winner(t, errs, auth.ErrEmailTaken)
	}
}

// testRaceVerify: one token is used with a session and without one, while the
// password is changed. One of the three happens.
func testRaceVerify(t *testing.T, s suite) {
	for range racing.Rounds(t, redemptions) {
		u, _ := s.unverified(t)
		token := newToken(u)
		s.issue(t, token)
		redeem := &auth.Redemption{Hash: token.Hash, Purpose: token.Purpose}
		errs := make([]error, 3)
		together(
			func() {
				_, errs[0] = s.VerifyEmail(t.Context(), auth.EmailProof{UserID: u.ID, EmailKey: u.EmailKey, At: noon(), Redeem: redeem}, nil)
			},
			func() {
				_, errs[1] = s.EndSessions(t.Context(), auth.EndSessions{
					UserID: u.ID, Reason: "x", At: noon(), RaiseEpoch: true, ExpectEpoch: ptr(int64(0)),
					ExpectPasswordHash: u.PasswordHash, VerifyEmail: true, ExpectUnverified: true, Redeem: redeem,
				}, nil)
			},
			func() {
				_, errs[2] = s.EndSessions(t.Context(), auth.EndSessions{
					UserID: u.ID, Reason: "x", At: noon(), RaiseEpoch: true, ExpectPasswordHash: u.PasswordHash, PasswordHash: "changed",
				}, nil)
			},
		)
		for _, err := range errs {
			if err != nil {
				wantError(t, err, auth.ErrMovedOn)
			}
		}
		after, err := s.UserByID(t.Context(), u.ID)
		must(t, err)
		wantEqual(t, "verified by a redemption", after.EmailVerifiedAt != nil, errs[0] == nil || errs[1] == nil)
		wantEqual(t, "has the password that was chosen", after.PasswordHash == "changed", errs[2] == nil)
		if errs[1] == nil {
			wantEqual(t, "has a password after the account was taken over", after.HasPassword(), false)
		}
		if errs[0] == nil && errs[1] == nil {
			t.Error("both uses of the token had an effect")
		}
	}
}
