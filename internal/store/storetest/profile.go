package storetest

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"rekey/internal/auth"
)

func testUpdateProfile(t *testing.T, s suite) {
	u, _ := s.signUp(t)
	event := auth.Event{Kind: auth.EventProfileChanged, At: noon(), UserID: u.ID}
	update := func(t *testing.T, name, locale *string, at time.Time) (bool, auth.User) {
		t.Helper()
		changed, got, err := s.UpdateProfile(t.Context(), auth.ProfileChange{UserID: u.ID, Name: name, Locale: locale, At: at}, &event)
		must(t, err)
		stored, err := s.UserByID(t.Context(), u.ID)
		must(t, err)
		wantEqual(t, "returned user", got, stored)
		return changed, got
	}
	later := noon().Add(time.Hour)
	want := u
	t.Run("OneField", func(t *testing.T) {
		changed, got := update(t, nil, ptr("hu"), later)
		want.Locale, want.UpdatedAt = "hu", later
		wantEqual(t, "changed", changed, true)
		wantEqual(t, "user", got, want)
	})
	t.Run("BothFields", func(t *testing.T) {
		changed, got := update(t, ptr("Zoë"), ptr(""), later)
		want.Name, want.Locale = "Zoë", ""
		wantEqual(t, "changed", changed, true)
		wantEqual(t, "user", got, want)
	})
	t.Run("SameValues", func(t *testing.T) {
		changed, got := update(t, ptr("Zoë"), ptr(""), later.Add(time.Hour))
		wantEqual(t, "changed", changed, false)
		wantEqual(t, "user", got, want)
	})
	events, err := s.Recorded(t.Context(), auth.JournalQuery{UserID: u.ID, Limit: 10})
	must(t, err)
	wantEqual(t, "events", len(events), 2)
	t.Run("ErrNotFound", func(t *testing.T) {
		_, _, err := s.UpdateProfile(t.Context(), auth.ProfileChange{UserID: uuid.NewString(), Name: ptr("Eve"), At: later}, nil)
		wantError(t, err, auth.ErrNotFound)
		_, err = s.EndSessions(t.Context(), auth.EndSessions{UserID: u.ID, At: noon(), Disable: true}, nil)
		must(t, err)
		_, _, err = s.UpdateProfile(t.Context(), auth.ProfileChange{UserID: u.ID, Name: ptr("Eve"), At: later}, nil)
		wantError(t, err, auth.ErrNotFound)
	})
}
