package storetest

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"rekey/internal/auth"
	"rekey/internal/test/racing"
)

// newChange returns the tokens that confirm and undo a change of the user's address,
// both issued at noon, and the new address.
func newChange(u auth.User) (confirm, undo auth.OneTimeToken, next auth.NewAddress) {
	id := uuid.NewString()
	next = auth.NewAddress{Email: "New+" + id + "@example.org", EmailKey: "new+" + id + "@example.org", Verified: true}
	confirm, undo = newToken(u), newToken(u)
	confirm.Purpose, confirm.EmailKey, confirm.CodeMAC = auth.PurposeConfirmEmail, next.EmailKey, nil
	undo.Purpose, undo.CodeMAC, undo.ExpiresAt = auth.PurposeUndoEmailChange, nil, noon().Add(72*time.Hour)
	return confirm, undo, next
}

// requestChange stores the tokens of a change.
func (s suite) requestChange(t *testing.T, u auth.User) (confirm, undo auth.OneTimeToken, next auth.NewAddress) {
	t.Helper()
	confirm, undo, next = newChange(u)
	issued, err := s.IssueToken(t.Context(), auth.TokenIssue{Token: confirm, Undo: &undo, Epoch: u.AuthEpoch}, nil)
	must(t, err)
	wantEqual(t, "issued", issued, true)
	return confirm, undo, next
}

func confirmation(u auth.User, confirm auth.OneTimeToken, next auth.NewAddress) auth.EndSessions {
	return auth.EndSessions{
		UserID: u.ID, Reason: auth.RevokedByEmailChange, At: noon(), RaiseEpoch: true, ExpectEpoch: &u.AuthEpoch,
		Address: &next, Redeem: &auth.Redemption{Hash: confirm.Hash, Purpose: confirm.Purpose},
	}
}

func undoing(u auth.User, undo auth.OneTimeToken) auth.EndSessions {
	return auth.EndSessions{
		UserID: u.ID, Reason: auth.RevokedByEmailUndo, At: noon(), RaiseEpoch: true, RemovePassword: true, CancelDeletion: true,
		Address: &auth.NewAddress{Email: u.Email, EmailKey: u.EmailKey, Verified: true},
		Redeem:  &auth.Redemption{Hash: undo.Hash, Purpose: undo.Purpose},
	}
}

func testChangeEmail(t *testing.T, s suite) {
	ctx := t.Context()
	t.Run("ConfirmsAndUndoes", func(t *testing.T) {
		u, own := s.signUp(t)
		other := s.login(t, u)
		confirm, undo, next := s.requestChange(t, u)
		reset := newToken(u)
		s.issue(t, reset)
		change := confirmation(u, confirm, next)
		change.Except = own.ID
		ended, err := s.EndSessions(ctx, change, nil)
		must(t, err)
		wantEqual(t, "ended", ended, []string{other.ID})
		want := u
		want.Email, want.EmailKey, want.EmailVerifiedAt, want.UpdatedAt, want.AuthEpoch = next.Email, next.EmailKey, ptr(noon()), noon(), u.AuthEpoch+1
		wantEqual(t, "user", s.user(t, u.ID), want)
		_, voided := s.token(t, reset.Hash)
		_, undoable := s.token(t, undo.Hash)
		wantEqual(t, "the reset and the undo are there", []bool{voided, undoable}, []bool{false, true})

		_, laterUndo, _ := s.requestChange(t, want)
		ended, err = s.EndSessions(ctx, undoing(u, undo), nil)
		must(t, err)
		wantEqual(t, "ended by the undo", ended, []string{own.ID})
		want.Email, want.EmailKey, want.PasswordHash, want.AuthEpoch = u.Email, u.EmailKey, "", u.AuthEpoch+2
		wantEqual(t, "user after the undo", s.user(t, u.ID), want)
		_, later := s.token(t, laterUndo.Hash)
		wantEqual(t, "the undo of a later change is there", later, false)
		_, err = s.EndSessions(ctx, undoing(u, undo), nil)
		wantError(t, err, auth.ErrMovedOn)
	})
	t.Run("EarlierUndoRemains", func(t *testing.T) {
		u, _ := s.signUp(t)
		_, first, _ := s.requestChange(t, u)
		_, second, _ := newChange(u)
		second.CreatedAt = noon().Add(time.Second)
		s.issue(t, second)
		_, err := s.EndSessions(ctx, undoing(u, second), nil)
		must(t, err)
		_, there := s.token(t, first.Hash)
		wantEqual(t, "the undo of an earlier change is there", there, true)
	})
	t.Run("CancelsDeletion", func(t *testing.T) {
		u, _ := s.signUp(t)
		_, undo, _ := s.requestChange(t, u)
		_, err := s.EndSessions(ctx, auth.EndSessions{UserID: u.ID, At: noon(), RaiseEpoch: true, DeleteAt: ptr(noon().Add(day))}, nil)
		must(t, err)
		_, err = s.EndSessions(ctx, undoing(u, undo), nil)
		must(t, err)
		wantEqual(t, "DeleteAt", s.user(t, u.ID).DeleteAt, nil)
	})
	t.Run("ErrEmailTaken", func(t *testing.T) {
		u, sess := s.signUp(t)
		other, _ := s.signUp(t)
		confirm, _, _ := s.requestChange(t, u)
		_, err := s.EndSessions(ctx, confirmation(u, confirm, auth.NewAddress{Email: other.Email, EmailKey: other.EmailKey}), nil)
		wantError(t, err, auth.ErrEmailTaken)
		wantEqual(t, "user", s.user(t, u.ID), u)
		wantEqual(t, "session", s.state(t, sess.ID).Session, sess)
		token, _ := s.token(t, confirm.Hash)
		wantEqual(t, "token", token, confirm)
	})
	t.Run("VoidUndos", func(t *testing.T) {
		u, _ := s.signUp(t)
		_, undo, _ := s.requestChange(t, u)
		_, err := s.EndSessions(ctx, auth.EndSessions{UserID: u.ID, At: noon(), RaiseEpoch: true, VoidUndos: true}, nil)
		must(t, err)
		_, there := s.token(t, undo.Hash)
		wantEqual(t, "the undo is there", there, false)
	})
	t.Run("NoUndoOverTheMaximum", func(t *testing.T) { testNoUndoOverTheMaximum(t, s) })
}

// testNoUndoOverTheMaximum: a request that issues no link issues no undo either.
func testNoUndoOverTheMaximum(t *testing.T, s suite) {
	u, _ := s.signUp(t)
	confirm, _, _ := newChange(u)
	for range auth.MaxLiveTokens {
		full := confirm
		full.Hash = hash(uuid.NewString())
		s.issue(t, full)
	}
	_, undo, _ := newChange(u)
	issued, err := s.IssueToken(t.Context(), auth.TokenIssue{Token: confirm, Undo: &undo}, nil)
	must(t, err)
	_, there := s.token(t, undo.Hash)
	wantEqual(t, "issued, and the undo is there", []bool{issued, there}, []bool{false, false})
}

// testReservedEmail: an address that can be restored belongs to nobody else.
func testReservedEmail(t *testing.T, s suite) {
	ctx := t.Context()
	u, _ := s.signUp(t)
	confirm, undo, next := s.requestChange(t, u)
	_, err := s.EndSessions(ctx, confirmation(u, confirm, next), nil)
	must(t, err)
	stranger, session := newUser(), newSession("")
	stranger.Email, stranger.EmailKey, session.UserID = u.Email, u.EmailKey, stranger.ID
	wantError(t, s.CreateUser(ctx, auth.NewAccount{User: stranger, Session: session}, nil), auth.ErrEmailTaken)
	wantError(t, s.AddUser(ctx, stranger, nil), auth.ErrEmailTaken)
	other, _ := s.signUp(t)
	take := auth.EndSessions{UserID: other.ID, At: noon(), Address: &auth.NewAddress{Email: u.Email, EmailKey: u.EmailKey}}
	_, err = s.EndSessions(ctx, take, nil)
	wantError(t, err, auth.ErrEmailTaken)

	take.UserID = u.ID // its own user may return to it
	_, err = s.EndSessions(ctx, take, nil)
	must(t, err)
	take.Address = &next
	_, err = s.EndSessions(ctx, take, nil)
	must(t, err)

	stranger.CreatedAt = undo.ExpiresAt
	must(t, s.AddUser(ctx, stranger, nil))
	_, err = s.EndSessions(ctx, undoing(u, undo), nil)
	wantError(t, err, auth.ErrEmailTaken)
}

// testRaceChangeEmail: a change is confirmed twice, undone, and raced by a change of
// the password and by a sign-up with the address that becomes free. Nobody else gets
// the address, and the account has it in the end.
func testRaceChangeEmail(t *testing.T, s suite) {
	for round := range racing.Rounds(t, redemptions) {
		u, own := s.signUp(t)
		confirm, undo, next := s.requestChange(t, u)
		stranger := newUser()
		stranger.Email, stranger.EmailKey = u.Email, u.EmailKey
		confirmed := make([]error, racersIn(round))
		var undone, added error
		change, rotate := passwordChange(u, own)
		fns := []func(){
			func() { _, undone = s.EndSessions(t.Context(), undoing(u, undo), nil) },
			func() { added = s.AddUser(t.Context(), stranger, nil) },
			func() { _, _, _ = s.EndOtherSessions(t.Context(), change, rotate, nil) },
		}
		for i := range confirmed {
			fns = append(fns, func() { _, confirmed[i] = s.EndSessions(t.Context(), confirmation(u, confirm, next), nil) })
		}
		racing.Together(fns...)
		must(t, undone)
		wantError(t, added, auth.ErrEmailTaken)
		wins := 0
		for _, err := range confirmed {
			if err == nil {
				wins++
			} else {
				wantError(t, err, auth.ErrMovedOn)
			}
		}
		if wins > 1 {
			t.Fatalf("%d confirmations of one link", wins)
		}
		got := s.user(t, u.ID)
		wantEqual(t, "address and password", []string{got.EmailKey, got.PasswordHash}, []string{u.EmailKey, ""})
	}
}
