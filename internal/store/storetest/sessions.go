package storetest

import (
	"cmp"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"rekey/internal/auth"
)

func testCreateSession(t *testing.T, s suite) {
	u, _ := s.signUp(t)
	t.Run("Inserts", func(t *testing.T) {
		sess := newSession(u.ID)
		// Every column is written, not only those that a login sets.
		sess.PreviousHash, sess.RetryHash = ptr(hash("previous")), ptr(hash("retry"))
		sess.Run, sess.PreviousRun = &auth.Run{BeganAt: noon(), IssuedAt: noon()}, &auth.Run{BeganAt: noon().Add(-day), IssuedAt: noon().Add(-day)}
		sess.RotatedBy = auth.TransportGraphQL
		sess.RotatedAt, sess.RefreshBlacklistedAt = ptr(noon()), ptr(noon().Add(time.Microsecond))
		must(t, s.createSession(t.Context(), sess, 0, u.PasswordHash, "", nil))
		st := s.state(t, sess.ID)
		wantEqual(t, "session", st.Session, sess)
		wantEqual(t, "user", st.User, u)
	})
	for name, call := range map[string]func(auth.Session) error{
		"Epoch": func(x auth.Session) error { return s.createSession(t.Context(), x, 1, u.PasswordHash, "", nil) },
		"Hash":  func(x auth.Session) error { return s.createSession(t.Context(), x, 0, "another", "", nil) },
		"EpochRehashing": func(x auth.Session) error {
			return s.createSession(t.Context(), x, 1, u.PasswordHash, "rehashed", nil)
		},
		"HashRehashing": func(x auth.Session) error { return s.createSession(t.Context(), x, 0, "another", "rehashed", nil) },
	} {
		t.Run("ErrMovedOn"+name, func(t *testing.T) {
			sess := newSession(u.ID)
			wantError(t, call(sess), auth.ErrMovedOn)
			s.wantNoSession(t, sess.ID)
			wantEqual(t, "user", s.user(t, u.ID), u)
		})
	}
	t.Run("ErrMovedOnUnknownUser", func(t *testing.T) {
		sess := newSession(uuid.NewString())
		wantError(t, s.createSession(t.Context(), sess, 0, u.PasswordHash, "", nil), auth.ErrMovedOn)
	})
	t.Run("Rehash", func(t *testing.T) {
		sess := newSession(u.ID)
		must(t, s.createSession(t.Context(), sess, 0, u.PasswordHash, "rehashed", nil))
		st := s.state(t, sess.ID)
		want := u
		want.PasswordHash = "rehashed" // and UpdatedAt stays: the user changed nothing
		wantEqual(t, "user", st.User, want)
		wantEqual(t, "session", st.Session, sess)
	})
	t.Run("OtherSessions", func(t *testing.T) {
		u, first := s.signUp(t)
		s.signUp(t) // another user's session
		expired, idle := newSession(u.ID), newSession(u.ID)
		expired.ExpiresAt, idle.RefreshExpiresAt = noon(), noon()
		password := u.PasswordHash
		for i, step := range []struct {
			sess   auth.Session
			rehash string
			want   int
		}{{expired, "", 1}, {idle, "", 1}, {newSession(u.ID), "", 1}, {newSession(u.ID), "rehashed", 2}, {newSession(u.ID), "", 3}} {
			others, err := s.CreateSession(t.Context(), step.sess, 0, password, step.rehash, nil)
			must(t, err)
			wantEqual(t, fmt.Sprintf("other sessions of session %d", i), others, step.want)
			password = cmp.Or(step.rehash, password)
		}
		_, err := s.RevokeSession(t.Context(), u.ID, first.ID, "logout", noon(), nil)
		must(t, err)
		others, err := s.CreateSession(t.Context(), newSession(u.ID), 0, password, "", nil)
		must(t, err)
		wantEqual(t, "without the revoked one", others, 3)
	})
	t.Run("ErrMovedOnDisabled", func(t *testing.T) {
		u, _ := s.signUp(t)
		_, err := s.EndSessions(t.Context(), auth.EndSessions{UserID: u.ID, At: noon(), Disable: true}, nil)
		must(t, err)
		for _, rehash := range []string{"", "rehashed"} {
			wantError(t, s.createSession(t.Context(), newSession(u.ID), 0, u.PasswordHash, rehash, nil), auth.ErrMovedOn)
		}
	})
}

func (s suite) user(t *testing.T, id string) auth.User {
	t.Helper()
	u, err := s.UserByID(t.Context(), id)
	must(t, err)
	return u
}

func (s suite) wantNoSession(t *testing.T, id string) {
	t.Helper()
	_, err := s.SessionState(t.Context(), id, auth.SecretHash{})
	wantError(t, err, auth.ErrNotFound)
}

func testSessionState(t *testing.T, s suite) {
	_, sess := s.signUp(t)
	t.Run("ErrNotFound", func(t *testing.T) { s.wantNoSession(t, uuid.NewString()) })
	t.Run("DatabaseClock", func(t *testing.T) {
		s.clock.Set(t, noon().Add(time.Microsecond))
		defer s.clock.Set(t, noon())
		wantEqual(t, "now", s.state(t, sess.ID).Now, noon().Add(time.Microsecond))
	})
	t.Run("AccessBlacklisted", func(t *testing.T) {
		blacklisted := func(secret auth.SecretHash) bool {
			st, err := s.SessionState(t.Context(), sess.ID, secret)
			must(t, err)
			return st.AccessBlacklisted
		}
		wantEqual(t, "before", blacklisted(sess.SecretHash), false)
		_, err := s.BlacklistAccess(t.Context(), accessToken(sess), nil)
		must(t, err)
		wantEqual(t, "that secret", blacklisted(sess.SecretHash), true)
		wantEqual(t, "another secret", blacklisted(hash("another")), false)
	})
}

func testSessions(t *testing.T, s suite) {
	u, first := s.signUp(t)
	second, third := newSession(u.ID), newSession(u.ID)
	second.CreatedAt, third.CreatedAt = noon().Add(time.Microsecond), noon().Add(2*time.Microsecond)
	idle, over, revoked := newSession(u.ID), newSession(u.ID), newSession(u.ID)
	idle.RefreshExpiresAt = noon()
	over.ExpiresAt = noon()
	revoked.RevokedAt, revoked.RevokedReason = ptr(noon()), "logout"
	for _, sess := range []auth.Session{third, second, idle, over, revoked} {
		must(t, s.createSession(t.Context(), sess, 0, u.PasswordHash, "", nil))
	}
	s.signUp(t) // another user's
	list := func(limit int) []auth.Session {
		got, err := s.Sessions(t.Context(), u.ID, noon(), limit)
		must(t, err)
		return got
	}
	wantEqual(t, "newest first", list(10), []auth.Session{third, second, first})
	wantEqual(t, "limited", list(2), []auth.Session{third, second})
	got, err := s.Sessions(t.Context(), uuid.NewString(), noon(), 10)
	must(t, err)
	wantEqual(t, "of no user", len(got), 0)
}
