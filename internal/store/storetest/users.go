package storetest

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"rekey/internal/auth"
)

func testCreateUser(t *testing.T, s suite) {
	u, sess := s.signUp(t)
	t.Run("StoresAllFields", func(t *testing.T) {
		st := s.state(t, sess.ID)
		wantEqual(t, "user", st.User, u)
		wantEqual(t, "session", st.Session, sess)
	})
	t.Run("ErrEmailTaken", func(t *testing.T) {
		other := newUser()
		other.EmailKey = u.EmailKey
		otherSession := newSession(other.ID)
		wantError(t, s.CreateUser(t.Context(), auth.NewAccount{User: other, Session: otherSession}, nil), auth.ErrEmailTaken)
		_, err := s.UserByID(t.Context(), other.ID)
		wantError(t, err, auth.ErrNotFound)
		_, err = s.SessionState(t.Context(), otherSession.ID, auth.SecretHash{})
		wantError(t, err, auth.ErrNotFound)
	})
	t.Run("SameID", func(t *testing.T) {
		other := newUser()
		other.ID = u.ID
		wantInternal(t, s.CreateUser(t.Context(), auth.NewAccount{User: other, Session: newSession(u.ID)}, nil))
	})
	t.Run("BothOrNeither", func(t *testing.T) {
		other := newUser()
		taken := newSession(other.ID)
		taken.ID = sess.ID
		wantInternal(t, s.CreateUser(t.Context(), auth.NewAccount{User: other, Session: taken}, nil))
		_, err := s.UserByID(t.Context(), other.ID)
		wantError(t, err, auth.ErrNotFound)
	})
}

func testUser(t *testing.T, s suite) {
	u, _ := s.signUp(t)
	_, err := s.EndSessions(t.Context(), auth.EndSessions{UserID: u.ID, At: noon(), Disable: true}, nil)
	must(t, err)
	t.Run("ByEmailKeyThoughDisabled", func(t *testing.T) {
		defer s.clock.Set(t, noon())
		s.clock.Set(t, noon().Add(time.Microsecond))
		got, now, err := s.UserByEmailKey(t.Context(), u.EmailKey)
		must(t, err)
		wantEqual(t, "the database's clock", now, noon().Add(time.Microsecond))
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
		_, _, err = s.UserByEmailKey(t.Context(), "nobody@example.org")
		wantError(t, err, auth.ErrNotFound)
		_, _, err = s.UserByEmailKey(t.Context(), u.Email)
		wantError(t, err, auth.ErrNotFound) // the key is compared unchanged
	})
}

func testEnableUser(t *testing.T, s suite) {
	u, sess := s.signUp(t)
	_, err := s.EndSessions(t.Context(), auth.EndSessions{UserID: u.ID, At: noon(), Disable: true}, nil)
	must(t, err)
	later := noon().Add(time.Hour)
	must(t, s.EnableUser(t.Context(), u.ID, later, nil))
	st := s.state(t, sess.ID)
	wantEqual(t, "disabled", st.User.DisabledAt, nil)
	wantEqual(t, "updated", st.User.UpdatedAt, later)
	wantEqual(t, "the session stays revoked", st.Session.RevokedAt, ptr(noon()))
	t.Run("AgainChangesNothing", func(t *testing.T) {
		must(t, s.EnableUser(t.Context(), u.ID, later.Add(time.Hour), nil))
		wantEqual(t, "updated", s.state(t, sess.ID).User.UpdatedAt, later)
	})
	t.Run("ErrNotFound", func(t *testing.T) {
		wantError(t, s.EnableUser(t.Context(), uuid.NewString(), later, nil), auth.ErrNotFound)
	})
}

func testAddUser(t *testing.T, s suite) {
	u := newUser()
	must(t, s.AddUser(t.Context(), u, &auth.Event{Kind: auth.EventUserAdded, At: noon(), UserID: u.ID}))
	kept, err := s.Recorded(t.Context(), auth.JournalQuery{UserID: u.ID, Limit: 10})
	must(t, err)
	wantEqual(t, "events", len(kept), 1)
	got, err := s.UserByID(t.Context(), u.ID)
	must(t, err)
	wantEqual(t, "user", got, u)
	sessions, err := s.Sessions(t.Context(), u.ID, noon(), 10)
	must(t, err)
	wantEqual(t, "sessions", len(sessions), 0)
	other := newUser()
	other.EmailKey = u.EmailKey
	wantError(t, s.AddUser(t.Context(), other, &auth.Event{Kind: auth.EventUserAdded, At: noon(), UserID: other.ID}), auth.ErrEmailTaken)
	kept, err = s.Recorded(t.Context(), auth.JournalQuery{UserID: other.ID, Limit: 10})
	must(t, err)
	wantEqual(t, "events of a change that was not made", len(kept), 0)
}

func testUsers(t *testing.T, s suite) {
	const mark = "50%_off!" // characters that LIKE takes for a pattern
	var want []string
	for i := range 5 {
		u := newUser()
		u.EmailKey = string(rune('a'+i)) + mark + u.EmailKey
		if i == 2 {
			u.DisabledAt = ptr(noon())
		}
		must(t, s.AddUser(t.Context(), u, nil))
		want = append(want, u.ID)
	}
	slices.Sort(want)
	list := func(f auth.UserFilter, limit int) (ids []string) {
		t.Helper()
		f.Email = mark
		users, err := s.Users(t.Context(), f, limit)
		must(t, err)
		for _, u := range users {
			ids = append(ids, u.ID)
		}
		return ids
	}
	t.Run("Pages", func(t *testing.T) {
		first := list(auth.UserFilter{}, 3)
		wantEqual(t, "first page", first, want[:3])
		wantEqual(t, "second page", list(auth.UserFilter{After: first[2]}, 3), want[3:])
	})
	t.Run("Disabled", func(t *testing.T) {
		disabled, enabled := list(auth.UserFilter{Disabled: ptr(true)}, 10), list(auth.UserFilter{Disabled: ptr(false)}, 10)
		wantEqual(t, "disabled", len(disabled), 1)
		wantEqual(t, "enabled", len(enabled), 4)
		wantEqual(t, "among the enabled", slices.Contains(enabled, disabled[0]), false)
	})
	t.Run("PatternCharacters", func(t *testing.T) {
		users, err := s.Users(t.Context(), auth.UserFilter{Email: "a50%!off"}, 10)
		must(t, err)
		wantEqual(t, "users", len(users), 0)
	})
	t.Run("AllFields", func(t *testing.T) {
		u, _ := s.signUp(t)
		users, err := s.Users(t.Context(), auth.UserFilter{Email: u.EmailKey}, 10)
		must(t, err)
		wantEqual(t, "users", users, []auth.User{u})
	})
}
