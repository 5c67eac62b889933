package storetest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"rekey/internal/auth"
)

func testRevokeSession(t *testing.T, s suite) {
	u, sess := s.signUp(t)
	other := s.login(t, u)
	revoke := func(userID, id, reason string, at time.Time) (bool, error) {
		return s.RevokeSession(t.Context(), userID, id, reason, at, nil)
	}
	t.Run("ErrNotFound", func(t *testing.T) {
		stranger, _ := s.signUp(t)
		_, err := revoke(stranger.ID, sess.ID, "logout", noon())
		wantError(t, err, auth.ErrNotFound)
		_, err = revoke(u.ID, uuid.NewString(), "logout", noon())
		wantError(t, err, auth.ErrNotFound)
		wantEqual(t, "session", s.state(t, sess.ID).Session, sess)
	})
	t.Run("RevokesOnce", func(t *testing.T) {
		ended, err := revoke(u.ID, sess.ID, "logout", noon())
		must(t, err)
		wantEqual(t, "ended", ended, true)
		ended, err = revoke(u.ID, sess.ID, "reuse", noon().Add(time.Hour))
		must(t, err)
		wantEqual(t, "ended again", ended, false)
		got := s.state(t, sess.ID).Session
		wantEqual(t, "at", got.RevokedAt, ptr(noon()))
		wantEqual(t, "reason", got.RevokedReason, "logout")
		wantEqual(t, "other session", s.state(t, other.ID).Session, other)
	})
	t.Run("Expired", func(t *testing.T) {
		ended, err := revoke(u.ID, other.ID, "logout", other.RefreshExpiresAt)
		must(t, err)
		wantEqual(t, "ended", ended, false)
		// A replica whose clock is behind must not rotate it.
		s.wantNoRotation(t, rotation(other), other.ID)
	})
}

func testEndSessions(t *testing.T, s suite) {
	t.Run("AllLiveSessions", func(t *testing.T) {
		u, first := s.signUp(t)
		second := s.login(t, u)
		expired := newSession(u.ID)
		expired.RefreshExpiresAt = noon()
		must(t, s.createSession(t.Context(), expired, 0, u.PasswordHash, "", nil))
		gone := s.login(t, u)
		_, err := s.RevokeSession(t.Context(), u.ID, gone.ID, "logout", noon().Add(-time.Hour), nil)
		must(t, err)
		_, stranger := s.signUp(t)
		ids, err := s.EndSessions(t.Context(), auth.EndSessions{UserID: u.ID, Reason: "revoked", At: noon()}, nil)
		must(t, err)
		wantEqual(t, "ids", sorted(ids), sorted([]string{first.ID, second.ID}))
		got := s.state(t, second.ID)
		wantEqual(t, "at", got.Session.RevokedAt, ptr(noon()))
		wantEqual(t, "reason", got.Session.RevokedReason, "revoked")
		wantEqual(t, "user", got.User, u)
		wantEqual(t, "ended before", s.state(t, gone.ID).Session.RevokedReason, "logout")
		wantEqual(t, "stranger's", s.state(t, stranger.ID).Session, stranger)
		s.wantNoRotation(t, rotation(expired), expired.ID)
		ids, err = s.EndSessions(t.Context(), auth.EndSessions{UserID: u.ID, Reason: "revoked", At: noon()}, nil)
		must(t, err)
		wantEqual(t, "ids again", len(ids), 0)
	})
	t.Run("Except", func(t *testing.T) {
		u, first := s.signUp(t)
		stays := s.login(t, u)
		ids, err := s.EndSessions(t.Context(), auth.EndSessions{UserID: u.ID, Except: stays.ID, Reason: "logout", At: noon()}, nil)
		must(t, err)
		wantEqual(t, "ids", ids, []string{first.ID})
		wantEqual(t, "the excepted session", s.state(t, stays.ID).Session, stays)
	})
	t.Run("ErrNotFound", func(t *testing.T) {
		_, err := s.EndSessions(t.Context(), auth.EndSessions{UserID: uuid.NewString(), At: noon()}, nil)
		wantError(t, err, auth.ErrNotFound)
	})
}

// testEndSessionsUser tests how EndSessions changes the user.
func testEndSessionsUser(t *testing.T, s suite) {
	later := noon().Add(time.Hour)
	change := func(t *testing.T, change auth.EndSessions) (before, after auth.User) {
		t.Helper()
		u, _ := s.signUp(t)
		change.UserID, change.At = u.ID, later
		if change.PasswordHash != "" {
			change.ExpectPasswordHash = u.PasswordHash
		}
		_, err := s.EndSessions(t.Context(), change, nil)
		must(t, err)
		return u, s.user(t, u.ID)
	}
	t.Run("RaiseEpoch", func(t *testing.T) {
		want, got := change(t, auth.EndSessions{RaiseEpoch: true})
		want.AuthEpoch = 1
		wantEqual(t, "user", got, want)
	})
	t.Run("Disable", func(t *testing.T) {
		want, got := change(t, auth.EndSessions{RaiseEpoch: true, Disable: true})
		want.AuthEpoch, want.DisabledAt, want.UpdatedAt = 1, &later, later
		wantEqual(t, "user", got, want)
		_, err := s.EndSessions(t.Context(), auth.EndSessions{UserID: got.ID, At: later.Add(time.Hour), Disable: true}, nil)
		must(t, err)
		wantEqual(t, "disabled first", s.user(t, got.ID).DisabledAt, &later)
	})
	t.Run("Password", func(t *testing.T) {
		want, got := change(t, auth.EndSessions{RaiseEpoch: true, PasswordHash: "new"})
		want.AuthEpoch, want.PasswordHash, want.UpdatedAt = 1, "new", later
		wantEqual(t, "user", got, want)
	})
	t.Run("ErrMovedOn", func(t *testing.T) {
		u, sess := s.signUp(t)
		_, err := s.EndSessions(t.Context(), auth.EndSessions{
			UserID: u.ID, At: later, RaiseEpoch: true, ExpectPasswordHash: "other", PasswordHash: "new",
			BeforeCommit: func(context.Context, []string) error {
				t.Error("BeforeCommit was called")
				return nil
			},
		}, nil)
		wantError(t, err, auth.ErrMovedOn)
		st := s.state(t, sess.ID)
		wantEqual(t, "user", st.User, u)
		wantEqual(t, "session", st.Session, sess)
	})
}

func testBeforeCommit(t *testing.T, s suite) {
	u, sess := s.signUp(t)
	end := func(before func(context.Context, []string) error) error {
		_, err := s.EndSessions(t.Context(), auth.EndSessions{
			UserID: u.ID, Reason: "revoked", At: noon(), RaiseEpoch: true, Disable: true,
			ExpectPasswordHash: u.PasswordHash, PasswordHash: "new", BeforeCommit: before,
		}, nil)
		return err
	}
	refusal := errors.New("refused")
	wantError(t, end(func(context.Context, []string) error { return refusal }), refusal)
	st := s.state(t, sess.ID)
	wantEqual(t, "user after a refusal", st.User, u)
	wantEqual(t, "session after a refusal", st.Session, sess)

	var seen []string
	must(t, end(func(_ context.Context, ids []string) error {
		seen = ids
		return nil
	}))
	wantEqual(t, "ids", seen, []string{sess.ID})
	wantEqual(t, "revoked", s.state(t, sess.ID).Session.RevokedAt, ptr(noon()))
}

func sorted(ids []string) []string {
	slices.Sort(ids)
	return ids
}

func testRevokeSessions(t *testing.T, s suite) {
	u, first := s.signUp(t)
	_, second := s.signUp(t)
	stays := s.login(t, u)
	expired := newSession(u.ID)
	expired.RefreshExpiresAt = noon()
	must(t, s.createSession(t.Context(), expired, 0, u.PasswordHash, "", nil))
	gone := s.login(t, u)
	_, err := s.RevokeSession(t.Context(), u.ID, gone.ID, "logout", noon().Add(-time.Hour), nil)
	must(t, err)
	ids := []string{second.ID, uuid.NewString(), gone.ID, first.ID, expired.ID, first.ID}
	revoked, err := s.RevokeSessions(t.Context(), ids, "operator", noon(), nil)
	must(t, err)
	wantEqual(t, "revoked", sorted(revoked), sorted([]string{first.ID, second.ID}))
	got := s.state(t, second.ID).Session
	wantEqual(t, "at", got.RevokedAt, ptr(noon()))
	wantEqual(t, "reason", got.RevokedReason, "operator")
	wantEqual(t, "ended before", s.state(t, gone.ID).Session.RevokedReason, "logout")
	wantEqual(t, "another", s.state(t, stays.ID).Session, stays)
	s.wantNoRotation(t, rotation(first), first.ID)
	s.wantNoRotation(t, rotation(expired), expired.ID)
	for _, none := range [][]string{ids, nil} {
		revoked, err = s.RevokeSessions(t.Context(), none, "operator", noon(), nil)
		must(t, err)
		wantEqual(t, "revoked again", len(revoked), 0)
	}
}

// testSessionsBegunBefore looks for sessions of a time that no other test's
// have.
func testSessionsBegunBefore(t *testing.T, s suite) {
	u, _ := s.signUp(t)
	begun := func(at time.Time) auth.Session {
		sess := newSession(u.ID)
		sess.CreatedAt = at
		must(t, s.createSession(t.Context(), sess, 0, u.PasswordHash, "", nil))
		return sess
	}
	limit := noon().AddDate(-1, 0, 0)
	var want []string
	for range 5 {
		want = append(want, begun(limit.Add(-time.Microsecond)).ID)
	}
	gone := begun(limit.Add(-time.Hour))
	_, err := s.RevokeSession(t.Context(), u.ID, gone.ID, "logout", noon(), nil)
	must(t, err)
	begun(limit)
	var got []string
	for after := ""; ; {
		page, err := s.SessionsBegunBefore(t.Context(), limit, after, 2)
		must(t, err)
		if len(page) == 0 {
			break
		}
		got, after = append(got, page...), page[len(page)-1]
	}
	wantEqual(t, "sessions", got, sorted(want))
}
