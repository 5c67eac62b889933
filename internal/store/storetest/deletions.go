package storetest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"rekey/internal/auth"
)

// beginDeletion begins a deletion at noon, and returns the user as changed and the
// token that cancels it.
func (s suite) beginDeletion(t *testing.T, u auth.User, at time.Time) (auth.User, auth.OneTimeToken) {
	t.Helper()
	token := newToken(u)
	token.Purpose, token.ExpiresAt = auth.PurposeCancelDeletion, at.Add(time.Hour)
	_, err := s.EndSessions(t.Context(), auth.EndSessions{
		UserID: u.ID, Reason: auth.RevokedByDeletion, At: noon(), RaiseEpoch: true, DeleteAt: &at, Issue: &token,
	}, nil)
	must(t, err)
	deleting, err := s.UserByID(t.Context(), u.ID)
	must(t, err)
	return deleting, token
}

func (s suite) cancel(t *testing.T, u auth.User, token auth.OneTimeToken) error {
	t.Helper()
	event := newEvent(auth.EventDeleteCancelled, u.ID, "", noon())
	return s.CancelDeletion(t.Context(), auth.DeletionCancel{
		UserID: u.ID, EmailKey: u.EmailKey, At: noon(), Redeem: auth.Redemption{Hash: token.Hash, Purpose: token.Purpose},
	}, &event)
}

func (s suite) erase(ctx context.Context, u auth.User, at time.Time, e *auth.Event) error {
	_, err := s.EraseUser(ctx, auth.Erasure{UserID: u.ID, At: at, Epoch: u.AuthEpoch, Reason: "x", KeepFor: time.Hour}, e)
	return err
}

func testCancelDeletion(t *testing.T, s suite) {
	u, sess := s.signUp(t)
	deleting, token := s.beginDeletion(t, u, noon().Add(day))
	wantEqual(t, "time of erasure", deleting.DeleteAt, ptr(noon().Add(day)))
	wantEqual(t, "reason", s.state(t, sess.ID).Session.RevokedReason, auth.RevokedByDeletion)
	wantError(t, s.createSession(t.Context(), newSession(u.ID), deleting.AuthEpoch, u.PasswordHash, "", nil), auth.ErrMovedOn)
	_, err := s.IssueToken(t.Context(), auth.TokenIssue{Token: newToken(u), Epoch: deleting.AuthEpoch}, nil)
	wantError(t, err, auth.ErrMovedOn)
	_, err = s.EndSessions(t.Context(), auth.EndSessions{UserID: u.ID, At: noon(), DeleteAt: ptr(noon().Add(2 * day))}, nil)
	wantError(t, err, auth.ErrMovedOn)
	another := newToken(u)
	another.Purpose = auth.PurposeCancelDeletion
	_, err = s.IssueToken(t.Context(), auth.TokenIssue{Token: another, Epoch: deleting.AuthEpoch}, nil)
	must(t, err)

	wrong := token
	wrong.Purpose = auth.PurposeResetPassword
	wantError(t, s.cancel(t, u, wrong), auth.ErrMovedOn)
	moved := u
	moved.EmailKey = "moved"
	wantError(t, s.cancel(t, moved, token), auth.ErrMovedOn)
	must(t, s.cancel(t, u, token))
	wantError(t, s.cancel(t, u, token), auth.ErrMovedOn)
	wantError(t, s.cancel(t, u, another), auth.ErrMovedOn)
	wantEqual(t, "events", len(s.events(t, u.ID)), 1)
	kept, err := s.UserByID(t.Context(), u.ID)
	must(t, err)
	wantEqual(t, "active", kept.Active(), true)
	wantError(t, s.erase(t.Context(), kept, noon().Add(9*day), nil), auth.ErrMovedOn)
	must(t, s.createSession(t.Context(), newSession(u.ID), kept.AuthEpoch, u.PasswordHash, "", nil))
}

func testEraseUser(t *testing.T, s suite) {
	ctx := t.Context()
	u, sess := s.signUp(t)
	event := newEvent(auth.EventLogin, u.ID, sess.ID, noon())
	must(t, s.Record(ctx, event))
	undo := newToken(u)
	undo.Purpose, undo.ExpiresAt = auth.PurposeUndoEmailChange, noon().Add(time.Hour)
	s.issue(t, undo)
	until, err := s.UndoableUntil(ctx, u.ID, noon())
	must(t, err)
	wantEqual(t, "undoable until", until, undo.ExpiresAt)
	at := noon().Add(time.Minute)
	deleting, _ := s.beginDeletion(t, u, at)
	due := func(now time.Time) bool {
		t.Helper()
		s.clock.Set(t, now)
		ids, _, err := s.DueDeletions(ctx, 1000)
		must(t, err)
		return slices.Contains(ids, u.ID)
	}
	defer s.clock.Set(t, noon())
	wantEqual(t, "due early", due(at.Add(-time.Microsecond)), false)
	wantEqual(t, "due while a change of the address can be undone", due(at), false)
	wantError(t, s.erase(ctx, deleting, at, nil), auth.ErrMovedOn)
	wantEqual(t, "due", due(undo.ExpiresAt), true)
	stale := deleting
	stale.AuthEpoch--
	wantError(t, s.erase(ctx, stale, undo.ExpiresAt, nil), auth.ErrMovedOn)
	b, err := s.DeletionBacklog(ctx)
	must(t, err)
	wantEqual(t, "overdue", b.Due > 0 && b.Overdue >= undo.ExpiresAt.Sub(at), true)

	erased := newEvent(auth.EventAccountErased, u.ID, "", undo.ExpiresAt)
	erased.Client, erased.Detail = auth.Client{}, ""
	must(t, s.erase(ctx, deleting, undo.ExpiresAt, &erased))
	wantError(t, s.erase(ctx, deleting, undo.ExpiresAt, nil), auth.ErrMovedOn)
	wantEqual(t, "due afterwards", due(undo.ExpiresAt), false)
	_, err = s.UserByID(ctx, u.ID)
	wantError(t, err, auth.ErrNotFound)
	st := s.state(t, sess.ID)
	wantEqual(t, "user", []string{st.User.Name, st.User.Email, st.User.PasswordHash, st.User.Locale}, []string{"", "", "", ""})
	wantEqual(t, "session", []string{st.Session.IPAddress, st.Session.UserAgent, st.Session.RevokedReason}, []string{"", "", auth.RevokedByDeletion})
	wantEqual(t, "session ends", st.Session.ExpiresAt, noon().Add(time.Hour))
	_, there := s.token(t, undo.Hash)
	wantEqual(t, "the token is there", there, false)
	for _, e := range s.events(t, u.ID) {
		wantEqual(t, "event", e.Client.Address+e.Client.UserAgent+e.Client.RequestID+e.Detail, "")
	}
	wantEqual(t, "events", len(s.events(t, u.ID)), 2)
	again := newUser()
	again.Email, again.EmailKey = u.Email, u.EmailKey
	must(t, s.AddUser(ctx, again, nil)) // the address is free
}

func testDropErased(t *testing.T, s suite) {
	ctx := t.Context()
	u, sess := s.signUp(t)
	deleting, _ := s.beginDeletion(t, u, noon())
	must(t, s.erase(ctx, deleting, noon(), nil))
	_, err := s.DropErased(ctx, 1000)
	must(t, err)
	s.state(t, sess.ID) // remains
	must(t, s.Record(ctx, newEvent(auth.EventRefreshReuse, u.ID, sess.ID, noon())))
	defer s.clock.Set(t, noon())
	s.clock.Set(t, noon().Add(2*time.Hour))
	_, err = s.Clean(ctx, 1000)
	must(t, err)
	n, err := s.DropErased(ctx, 1000)
	must(t, err)
	wantEqual(t, "dropped", n > 0, true)
	_, err = s.SessionState(ctx, sess.ID, auth.SecretHash{})
	wantError(t, err, auth.ErrNotFound)
	wantEqual(t, "address in the journal", s.events(t, u.ID)[0].Client.Address, "")
}

// testRaceDeletion: after a deletion, no session of the user is live, and of a
// cancellation and an erasure one wins.
func testRaceDeletion(t *testing.T, s suite) {
	for range redemptions {
		u, _ := s.signUp(t)
		sess, token := newSession(u.ID), newToken(u)
		token.Purpose = auth.PurposeCancelDeletion
		end := auth.EndSessions{UserID: u.ID, Reason: "x", At: noon(), RaiseEpoch: true, DeleteAt: ptr(noon()), Issue: &token}
		var login, deletion error
		together(
			func() { login = s.createSession(t.Context(), sess, u.AuthEpoch, u.PasswordHash, "", nil) },
			func() { _, deletion = s.EndSessions(t.Context(), end, nil) },
			func() { _, _ = s.Rotate(t.Context(), rotation(sess)) },
		)
		must(t, deletion)
		if login != nil {
			wantError(t, login, auth.ErrMovedOn)
		}
		live, err := s.Sessions(t.Context(), u.ID, noon(), 10)
		must(t, err)
		wantEqual(t, "live sessions", len(live), 0)

		deleting, err := s.UserByID(t.Context(), u.ID)
		must(t, err)
		errs := make([]error, 3)
		together(
			func() { errs[0] = s.cancel(t, u, token) },
			func() { errs[1] = s.erase(t.Context(), deleting, noon(), nil) },
			func() { errs[2] = s.erase(t.Context(), deleting, noon(), nil) },
		)
		wins := 0
		for _, err := range errs {
			if err == nil {
				wins++
				continue
			}
			wantError(t, err, auth.ErrMovedOn)
		}
		wantEqual(t, "wins", wins, 1)
		_, err = s.UserByID(t.Context(), u.ID)
		wantEqual(t, "the account is there", !errors.Is(err, auth.ErrNotFound), errs[0] == nil)
	}
}
