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

// passwordChange returns a change of the password that rotates a session.
func passwordChange(u auth.User, sess auth.Session) (auth.EndSessions, auth.Rotation) {
	own := rotation(sess)
	own.Transport, own.Attempt = auth.RotatedByPasswordChange, auth.NoRepeat()
	return auth.EndSessions{
		UserID: u.ID, Reason: auth.RevokedByPasswordChange, At: own.Now, RaiseEpoch: true,
		ExpectPasswordHash: u.PasswordHash, PasswordHash: "new",
	}, own
}

// testEndOtherSessions: the session is rotated as by Rotate, and the others are
// revoked.
func testEndOtherSessions(t *testing.T, s suite) {
	at := noon().Add(2 * time.Hour)
	for name, key := range map[string]*auth.SecretHash{"WithoutKey": nil, "WithKey": ptr(hash("key")), "WithUsedKey": ptr(hash("used"))} {
		t.Run(name, func(t *testing.T) {
			u, sess := s.signUp(t)
			first := rotation(sess)
			first.RetryHash, first.Next = ptr(hash("used")), hash("second")
			st, err := s.Rotate(t.Context(), first)
			must(t, err)
			other := s.login(t, u)
			_, err = s.BlacklistRefresh(t.Context(), refreshToken(st.Session), nil)
			must(t, err)
			s.clock.Set(t, at)
			defer s.clock.Set(t, noon())
			change, own := passwordChange(u, st.Session)
			own.RetryHash, own.Next = key, hash("third")
			e := newEvent(auth.EventPasswordChanged, u.ID, sess.ID, noon())
			got, ids, err := s.EndOtherSessions(t.Context(), change, own, &e)
			must(t, err)
			wantEqual(t, "revoked", ids, []string{other.ID})
			want := st
			want.Now, want.User.PasswordHash, want.User.AuthEpoch, want.User.UpdatedAt = at, "new", 1, change.At
			w := &want.Session
			w.Generation, w.PreviousHash, w.SecretHash, w.RotatedAt, w.RotatedBy = 3, ptr(hash("second")), hash("third"), &at, auth.RotatedByPasswordChange
			w.RetryHash = ptr(auth.NoRepeat())
			if name == "WithKey" {
				w.RetryHash = key
			}
			w.PreviousRun, w.Run = w.Run, &auth.Run{BeganAt: at, IssuedAt: st.Session.IssuedAt}
			wantEqual(t, "result", got, want)
			wantEqual(t, "state", s.state(t, sess.ID), want)
			wantEqual(t, "reason", s.state(t, other.ID).Session.RevokedReason, auth.RevokedByPasswordChange)
			e.Count = 1
			wantEqual(t, "events", s.events(t, u.ID), []auth.Event{e})
			changes := s.entries(t, auth.ChangeRotated, auth.ChangeCursor{At: at.Add(-time.Second)}, got.Session)
			wantEqual(t, "feed", changes, []auth.Change{{
				Kind: auth.ChangeRotated, SessionID: sess.ID, SecretHash: ptr(hash("second")), Reason: auth.RevokedByPasswordChange, At: at, IssuedAt: own.IssuedAt,
			}})
		})
	}
}

// testEndOtherSessionsRefused: nothing changes if the session cannot be rotated, or
// if the change is refused.
func testEndOtherSessionsRefused(t *testing.T, s suite) {
	refusal := errors.New("refused")
	for name, tt := range map[string]struct {
		change func(end *auth.EndSessions, own *auth.Rotation)
		want   error
	}{
		"Secret":    {func(_ *auth.EndSessions, own *auth.Rotation) { own.Current = hash("another") }, auth.ErrMovedOn},
		"Session":   {func(_ *auth.EndSessions, own *auth.Rotation) { own.SessionID = uuid.NewString() }, auth.ErrMovedOn},
		"InvalidID": {func(_ *auth.EndSessions, own *auth.Rotation) { own.SessionID = "none" }, auth.ErrMovedOn},
		"Owner":     {func(_ *auth.EndSessions, own *auth.Rotation) { own.UserID = uuid.NewString() }, auth.ErrMovedOn},
		"Expired":   {func(_ *auth.EndSessions, own *auth.Rotation) { own.Now = own.Now.Add(91 * day) }, auth.ErrMovedOn},
		"Ahead":     {func(_ *auth.EndSessions, own *auth.Rotation) { own.ClockLeeway = 0 }, auth.ErrMovedOn},
		"Password":  {func(end *auth.EndSessions, _ *auth.Rotation) { end.ExpectPasswordHash = "other" }, auth.ErrMovedOn},
		"User":      {func(end *auth.EndSessions, _ *auth.Rotation) { end.UserID = uuid.NewString() }, auth.ErrNotFound},
		"BeforeCommit": {func(end *auth.EndSessions, _ *auth.Rotation) {
			end.BeforeCommit = func(context.Context, []string) error { return refusal }
		}, refusal},
	} {
		t.Run(name, func(t *testing.T) {
			u, sess := s.signUp(t)
			other := s.login(t, u)
			change, own := passwordChange(u, sess)
			tt.change(&change, &own)
			e := newEvent(auth.EventPasswordChanged, u.ID, sess.ID, noon())
			_, _, err := s.EndOtherSessions(t.Context(), change, own, &e)
			wantError(t, err, tt.want)
			st := s.state(t, sess.ID)
			wantEqual(t, "session", st.Session, sess)
			wantEqual(t, "user", st.User, u)
			wantEqual(t, "other session", s.state(t, other.ID).Session, other)
			wantEqual(t, "events", len(s.events(t, u.ID)), 0)
		})
	}
}

// testRaceRotateEndOthers: of a refresh and a change of the password that present
// the same secret, exactly one rotates the session.
func testRaceRotateEndOthers(t *testing.T, s suite) {
	for range racing.Rounds(t, pairs) {
		u, sess := s.signUp(t)
		change, own := passwordChange(u, sess)
		own.Next = hash(sess.ID + "changed")
		var rotateErr, changeErr error
		together(
			func() { _, rotateErr = s.Rotate(t.Context(), rotation(sess)) },
			func() { _, _, changeErr = s.EndOtherSessions(t.Context(), change, own, nil) },
		)
		if (rotateErr == nil) == (changeErr == nil) {
			t.Fatalf("refresh: %v, change: %v", rotateErr, changeErr)
		}
		wantError(t, errors.Join(rotateErr, changeErr), auth.ErrMovedOn)
		st := s.state(t, sess.ID)
		wantEqual(t, "generation", st.Session.Generation, 2)
		wantEqual(t, "changed", st.User.PasswordHash == "new", changeErr == nil)
	}
}
