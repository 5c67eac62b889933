package storetest

import (
	"cmp"
	"errors"
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
	t.Run("OtherSessions", func(t *testing.T) { testOtherSessions(t, s) })
	t.Run("Repeated", func(t *testing.T) { testRepeatedStart(t, s) })
	t.Run("Redeems", func(t *testing.T) { testRedeemingStart(t, s) })
	t.Run("ErrMovedOnDisabled", func(t *testing.T) {
		u, _ := s.signUp(t)
		_, err := s.EndSessions(t.Context(), auth.EndSessions{UserID: u.ID, At: noon(), Disable: true}, nil)
		must(t, err)
		for _, rehash := range []string{"", "rehashed"} {
			wantError(t, s.createSession(t.Context(), newSession(u.ID), 0, u.PasswordHash, rehash, nil), auth.ErrMovedOn)
		}
	})
}

// testOtherSessions: each start of a session counts the other live ones.
func testOtherSessions(t *testing.T, s suite) {
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
		created, err := s.CreateSession(t.Context(), auth.NewSession{Session: step.sess, PasswordHash: password, Rehash: step.rehash}, nil)
		must(t, err)
		wantEqual(t, fmt.Sprintf("other sessions of session %d", i), created.Others, step.want)
		password = cmp.Or(step.rehash, password)
	}
	_, err := s.RevokeSession(t.Context(), u.ID, first.ID, "logout", noon(), nil)
	must(t, err)
	created, err := s.CreateSession(t.Context(), auth.NewSession{Session: newSession(u.ID), PasswordHash: password}, nil)
	must(t, err)
	wantEqual(t, "without the revoked one", created.Others, 3)
}

// testRedeemingStart: the start of a session uses up a token, once.
func testRedeemingStart(t *testing.T, s suite) {
	u, _ := s.signUp(t)
	token := newToken(u)
	s.issue(t, token)
	start := auth.NewSession{
		Session: newSession(u.ID), PasswordHash: u.PasswordHash,
		Redeem: &auth.Redemption{Hash: token.Hash, Purpose: token.Purpose, Payload: "the session"},
	}
	_, err := s.CreateSession(t.Context(), start, nil)
	must(t, err)
	used, _ := s.token(t, token.Hash)
	wantEqual(t, "payload", used.Payload, "the session")
	start.Session = newSession(u.ID)
	_, err = s.CreateSession(t.Context(), start, nil)
	wantError(t, err, auth.ErrMovedOn)
	s.wantNoSession(t, start.Session.ID)
}

// testRepeatedStart: a second session with the same idempotency key is not created
// while the first one is as it was started.
func testRepeatedStart(t *testing.T, s suite) {
	u, _ := s.signUp(t)
	start := func(key string) auth.CreatedSession {
		t.Helper()
		sess := newSession(u.ID)
		sess.RetryHash = ptr(hash(key + u.ID))
		created, err := s.CreateSession(t.Context(), auth.NewSession{Session: sess, PasswordHash: u.PasswordHash, RepeatSince: noon().Add(-day)}, nil)
		must(t, err)
		if created.Repeated == nil {
			wantEqual(t, "the new session", s.state(t, sess.ID).Session, sess)
			return auth.CreatedSession{Repeated: &sess}
		}
		s.wantNoSession(t, sess.ID)
		return created
	}
	started := func(key string, since time.Time) (auth.Session, error) {
		return s.StartedSession(t.Context(), u.ID, hash(key+u.ID), since, noon())
	}
	first := start("a").Repeated
	wantEqual(t, "the same key", start("a").Repeated, first)
	if start("b").Repeated.ID == first.ID {
		t.Error("another key got the same session")
	}
	found, err := started("a", noon())
	must(t, err)
	wantEqual(t, "StartedSession", found, *first)
	_, err = started("a", noon().Add(time.Microsecond))
	wantError(t, err, auth.ErrNotFound)
	for name, end := range map[string]func(auth.Session){
		"revoked": func(sess auth.Session) {
			_, err := s.RevokeSession(t.Context(), u.ID, sess.ID, "logout", noon(), nil)
			must(t, err)
		},
		"blacklisted": func(sess auth.Session) {
			_, err := s.BlacklistRefresh(t.Context(), refreshToken(sess), nil)
			must(t, err)
		},
		"rotated": func(sess auth.Session) {
			_, err := s.Rotate(t.Context(), rotation(sess))
			must(t, err)
		},
	} {
		sess := start(name).Repeated
		end(*sess)
		if _, err := started(name, noon().Add(-day)); !errors.Is(err, auth.ErrNotFound) {
			t.Errorf("a %s session: %v, want ErrNotFound", name, err)
		}
		if start(name).Repeated.ID == sess.ID {
			t.Errorf("a %s session was returned again", name)
		}
	}
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
