package storetest

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"rekey/internal/auth"
)

func testCreateUser(t *testing.T, s suite) {
	u, sess := s.signUp(t)
	t.Run("KeepsEverything", func(t *testing.T) {
		st := s.state(t, sess.ID)
		wantEqual(t, "user", st.User, u)
		wantEqual(t, "session", st.Session, sess)
	})
	t.Run("ErrEmailTaken", func(t *testing.T) {
		other := newUser()
		other.EmailKey = u.EmailKey
		otherSession := newSession(other.ID)
		wantError(t, s.CreateUser(t.Context(), other, otherSession), auth.ErrEmailTaken)
		_, err := s.UserByID(t.Context(), other.ID)
		wantError(t, err, auth.ErrNotFound)
		_, err = s.SessionState(t.Context(), otherSession.ID, auth.SecretHash{})
		wantError(t, err, auth.ErrNotFound)
	})
	t.Run("SameIDIsNoTakenAddress", func(t *testing.T) {
		other := newUser()
		other.ID = u.ID
		wantInternal(t, s.CreateUser(t.Context(), other, newSession(u.ID)))
	})
	t.Run("BothOrNeither", func(t *testing.T) {
		other := newUser()
		taken := newSession(other.ID)
		taken.ID = sess.ID
		wantInternal(t, s.CreateUser(t.Context(), other, taken))
		_, err := s.UserByID(t.Context(), other.ID)
		wantError(t, err, auth.ErrNotFound)
	})
}

func testUser(t *testing.T, s suite) {
	u, _ := s.signUp(t)
	_, err := s.EndSessions(t.Context(), auth.EndSessions{UserID: u.ID, At: noon(), Disable: true})
	must(t, err)
	t.Run("ByEmailKeyThoughDisabled", func(t *testing.T) {
		got, err := s.UserByEmailKey(t.Context(), u.EmailKey)
		must(t, err)
		wantEqual(t, "id", got.ID, u.ID)
		wantEqual(t, "disabled", got.DisabledAt, ptr(noon()))
	})
	t.Run("ByIDThoughDisabled", func(t *testing.T) {
		got, err := s.UserByID(t.Context(), u.ID)
		must(t, err)
		wantEqual(t, "e-mail", got.Email, u.Email)
		wantEqual(t, "disabled", got.Disabled(), true)
	})
	t.Run("ErrNotFound", func(t *testing.T) {
		_, err := s.UserByID(t.Context(), uuid.NewString())
		wantError(t, err, auth.ErrNotFound)
		_, err = s.UserByEmailKey(t.Context(), "nobody@example.org")
		wantError(t, err, auth.ErrNotFound)
		_, err = s.UserByEmailKey(t.Context(), u.Email)
		wantError(t, err, auth.ErrNotFound) // the key is compared as it is
	})
}

func testEnableUser(t *testing.T, s suite) {
	u, sess := s.signUp(t)
	_, err := s.EndSessions(t.Context(), auth.EndSessions{UserID: u.ID, At: noon(), Disable: true})
	must(t, err)
	later := noon().Add(time.Hour)
	must(t, s.EnableUser(t.Context(), u.ID, later))
	st := s.state(t, sess.ID)
	wantEqual(t, "disabled", st.User.DisabledAt, nil)
	wantEqual(t, "updated", st.User.UpdatedAt, later)
	wantEqual(t, "the session stays ended", st.Session.RevokedAt, ptr(noon()))
	t.Run("AgainChangesNothing", func(t *testing.T) {
		must(t, s.EnableUser(t.Context(), u.ID, later.Add(time.Hour)))
		wantEqual(t, "updated", s.state(t, sess.ID).User.UpdatedAt, later)
	})
	t.Run("ErrNotFound", func(t *testing.T) {
		wantError(t, s.EnableUser(t.Context(), uuid.NewString(), later), auth.ErrNotFound)
	})
}
