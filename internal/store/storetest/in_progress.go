package storetest

import (
	"context"
	"testing"
	"time"

	"rekey/internal/auth"
)

// aMoment is long enough for a statement that does not have to wait.
const aMoment = 100 * time.Millisecond

// testInProgress starts logins and rotations while the revocation of the sessions
// is executed but not yet committed. They may wait or fail, but not succeed.
func testInProgress(t *testing.T, s suite) {
	tests := map[string]func(u auth.User, sess, device auth.Session) error{
		"Login": func(u auth.User, _, device auth.Session) error {
			return s.createSession(t.Context(), device, u.AuthEpoch, u.PasswordHash, "", nil)
		},
		"LoginRehashing": func(u auth.User, _, device auth.Session) error {
			return s.createSession(t.Context(), device, u.AuthEpoch, u.PasswordHash, "rehashed", nil)
		},
		"Rotate": func(_ auth.User, sess, _ auth.Session) error {
			_, err := s.Rotate(t.Context(), rotation(sess))
			return err
		},
	}
	for name, act := range tests {
		t.Run(name, func(t *testing.T) {
			u, sess := s.signUp(t)
			device := newSession(u.ID)
			done := make(chan error, 1)
			ids, err := s.EndSessions(t.Context(), auth.EndSessions{
				UserID: u.ID, Reason: "logout", At: noon(), RaiseEpoch: true,
				BeforeCommit: func(context.Context, []string) error {
					go func() { done <- act(u, sess, device) }()
					awaitBriefly(done)
					return nil
				},
			}, nil)
			must(t, err)
			wantEqual(t, "ended", ids, []string{sess.ID})
			wantError(t, <-done, auth.ErrMovedOn)
			s.wantNoSession(t, device.ID)
			s.wantNoRotation(t, rotation(sess), sess.ID)
		})
	}
}

// awaitBriefly gives an action that does not have to wait the time to finish, and
// leaves its result in the channel.
func awaitBriefly(done chan error) {
	select {
	case err := <-done:
		done <- err
	case <-time.After(aMoment):
	}
}
