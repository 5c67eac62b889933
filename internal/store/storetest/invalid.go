package storetest

import (
	"context"
	"errors"
	"strings"
	"testing"

	"rekey/internal/auth"
)

// wantInternal wants an error that is a fault of the program, not "not found" and
// not a temporary one.
func wantInternal(t *testing.T, err error) {
	t.Helper()
	if err == nil || errors.Is(err, auth.ErrNotFound) || errors.Is(err, auth.ErrEmailTaken) ||
		errors.Is(err, auth.ErrMovedOn) || auth.AsError(err).Code != auth.CodeInternal {
		t.Errorf("error is %v, want an internal one", err)
	}
}

func testBadText(t *testing.T, s suite) {
	u, sess := s.signUp(t)
	for name, bad := range map[string]string{"NUL": "secret\x00", "UTF8": "secret\xff"} {
		t.Run(name, func(t *testing.T) {
			other := newUser()
			other.Name = bad
			device := newSession(u.ID)
			device.UserAgent = bad
			_, _, byKey := s.UserByEmailKey(t.Context(), bad)
			_, revoke := s.RevokeSession(t.Context(), u.ID, sess.ID, bad, noon(), nil)
			_, end := s.EndSessions(t.Context(), auth.EndSessions{UserID: u.ID, Reason: bad, At: noon()}, nil)
			_, several := s.RevokeSessions(t.Context(), []string{sess.ID}, bad, noon(), nil)
			token := accessToken(sess)
			token.Reason = bad
			reset := newToken(u)
			reset.Payload = bad
			_, issue := s.IssueToken(t.Context(), auth.TokenIssue{Token: reset}, nil)
			_, _, profile := s.UpdateProfile(t.Context(), auth.ProfileChange{UserID: u.ID, Name: &bad, At: noon()}, nil)
			signUp, account := newSignUp()
			account.Issue, account.Redeem = &signUp, nil
			account.Issue.Payload = bad
			_, verify := s.VerifyEmail(t.Context(), auth.EmailProof{UserID: u.ID, EmailKey: bad, At: noon()}, nil)
			_, blacklist := s.BlacklistAccess(t.Context(), token, nil)
			for call, err := range map[string]error{
				"CreateUser":      s.CreateUser(t.Context(), auth.NewAccount{User: other, Session: newSession(other.ID)}, nil),
				"CreateSession":   s.createSession(t.Context(), device, 0, u.PasswordHash, "", nil),
				"UserByEmailKey":  byKey,
				"RevokeSession":   revoke,
				"EndSessions":     end,
				"RevokeSessions":  several,
				"BlacklistAccess": blacklist,
				"UpdateProfile":   profile,
				"IssueToken":      issue,
				"IssueAtSignUp":   s.CreateUser(t.Context(), account, nil),
				"VerifyEmail":     verify,
				"SetReplicaNodes": s.SetReplicaNodes(t.Context(), bad, nil),
			} {
				wantInternal(t, err)
				if strings.Contains(auth.AsError(err).Err.Error(), "secret") {
					t.Errorf("%s: the error quotes the text: %v", call, auth.AsError(err).Err)
				}
			}
			wantEqual(t, "session", s.state(t, sess.ID).Session, sess)
		})
	}
}

// testInvalidIDs uses ids that no row can have. Tokens that were signed elsewhere
// may contain them.
func testInvalidIDs(t *testing.T, s suite) {
	ctx := t.Context()
	u, sess := s.signUp(t)
	for _, id := range []string{"", "7", "x' OR 1=1 --", "\x00", "\xff", strings.ToUpper(sess.ID), "{" + sess.ID + "}"} {
		_, byID := s.UserByID(ctx, id)
		wantError(t, byID, auth.ErrNotFound)
		s.wantNoSession(t, id)
		_, err := s.RevokeSession(ctx, u.ID, id, "logout", noon(), nil)
		wantError(t, err, auth.ErrNotFound)
		_, err = s.EndSessions(ctx, auth.EndSessions{UserID: id, At: noon()}, nil)
		wantError(t, err, auth.ErrNotFound)
		several, err := s.RevokeSessions(ctx, []string{id}, "logout", noon(), nil)
		must(t, err)
		wantEqual(t, "revoked", len(several), 0)
		wantError(t, s.EnableUser(ctx, id, noon(), nil), auth.ErrNotFound)
		_, _, err = s.UpdateProfile(ctx, auth.ProfileChange{UserID: id, Name: ptr("Eve"), At: noon()}, nil)
		wantError(t, err, auth.ErrNotFound)
		r := rotation(sess)
		r.SessionID = id
		_, err = s.Rotate(ctx, r)
		wantError(t, err, auth.ErrMovedOn)
		r = rotation(sess)
		r.UserID = id
		s.wantNoRotation(t, r, sess.ID)
		stranger := newSession(u.ID)
		stranger.ID = id
		wantInternal(t, s.createSession(ctx, stranger, 0, u.PasswordHash, "", nil))
	}
	wantEqual(t, "session", s.state(t, sess.ID).Session, sess)
}

// testCancelled calls every method with a cancelled context.
func testCancelled(t *testing.T, s suite) {
	u, sess := s.signUp(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	before := s.state(t, sess.ID)
	newcomer, device := newUser(), newSession(u.ID)
	calls := map[string]func() error{
		"CreateUser": func() error {
			return s.CreateUser(ctx, auth.NewAccount{User: newcomer, Session: newSession(newcomer.ID)}, nil)
		},
		"UserByEmailKey": func() error { _, _, err := s.UserByEmailKey(ctx, u.EmailKey); return err },
		"UserByID":       func() error { _, err := s.UserByID(ctx, u.ID); return err },
		"CreateSession":  func() error { return s.createSession(ctx, device, 0, u.PasswordHash, "", nil) },
		"Rehash":         func() error { return s.createSession(ctx, device, 0, u.PasswordHash, "rehashed", nil) },
		"Rotate":         func() error { _, err := s.Rotate(ctx, rotation(sess)); return err },
		"SessionState":   func() error { _, err := s.SessionState(ctx, sess.ID, sess.SecretHash); return err },
		"Sessions":       func() error { _, err := s.Sessions(ctx, u.ID, noon(), 1); return err },
		"Record":         func() error { return s.Record(ctx, newEvent(auth.EventLogin, u.ID, sess.ID, noon())) },
		"Recorded":       func() error { _, err := s.Recorded(ctx, auth.JournalQuery{Limit: 1}); return err },
		"RevokeSession":  func() error { _, err := s.RevokeSession(ctx, u.ID, sess.ID, "logout", noon(), nil); return err },
		"EndSessions": func() error {
			_, err := s.EndSessions(ctx, auth.EndSessions{UserID: u.ID, At: noon(), RaiseEpoch: true, Disable: true}, nil)
			return err
		},
		"EndOtherSessions": func() error {
			_, _, err := s.EndOtherSessions(ctx, auth.EndSessions{UserID: u.ID, At: noon(), RaiseEpoch: true}, rotation(sess), nil)
			return err
		},
		"SessionsBegunBefore": func() error { _, err := s.SessionsBegunBefore(ctx, noon(), "", 1); return err },
		"RevokeSurplus": func() error {
			_, err := s.RevokeSurplus(ctx, auth.SurplusSessions{UserID: u.ID, Own: sess.ID, Limit: 1, At: noon()}, nil)
			return err
		},
		"RevokeSessions": func() error { _, err := s.RevokeSessions(ctx, []string{sess.ID}, "logout", noon(), nil); return err },
		"UpdateProfile": func() error {
			_, _, err := s.UpdateProfile(ctx, auth.ProfileChange{UserID: u.ID, Locale: ptr("hu"), At: noon()}, nil)
			return err
		},
		"VerifyEmail": func() error {
			_, err := s.VerifyEmail(ctx, auth.EmailProof{UserID: u.ID, EmailKey: u.EmailKey, At: noon()}, nil)
			return err
		},
		"CancelDeletion":   func() error { return s.CancelDeletion(ctx, auth.DeletionCancel{UserID: u.ID, At: noon()}, nil) },
		"UndoableUntil":    func() error { _, err := s.UndoableUntil(ctx, u.ID, noon()); return err },
		"DueDeletions":     func() error { _, _, err := s.DueDeletions(ctx, 1); return err },
		"EraseUser":        func() error { return s.erase(ctx, u, noon(), nil) },
		"ScrubJournal":     func() error { _, err := s.ScrubJournal(ctx, u.ID, 1); return err },
		"DropErased":       func() error { _, err := s.DropErased(ctx, 1); return err },
		"DeletionBacklog":  func() error { _, err := s.DeletionBacklog(ctx); return err },
		"IssueToken":       func() error { _, err := s.IssueToken(ctx, auth.TokenIssue{Token: newToken(u)}, nil); return err },
		"OneTimeToken":     func() error { _, err := s.OneTimeToken(ctx, hash("none")); return err },
		"TryCode":          func() error { _, err := s.TryCode(ctx, auth.CodeTry{UserID: u.ID}); return err },
		"EnableUser":       func() error { return s.EnableUser(ctx, u.ID, noon(), nil) },
		"BlacklistAccess":  func() error { _, err := s.BlacklistAccess(ctx, accessToken(sess), nil); return err },
		"BlacklistRefresh": func() error { _, err := s.BlacklistRefresh(ctx, refreshToken(sess), nil); return err },
		"Now":              func() error { _, err := s.Now(ctx); return err },
		"SetReplicaNodes":  func() error { return s.SetReplicaNodes(ctx, "cancelled", nil) },
		"Replicas":         func() error { _, err := s.Replicas(ctx, day); return err },
		"SetReplicaKeys":   func() error { return s.SetReplicaKeys(ctx, "cancelled", nil) },
		"DeleteReplicas":   func() error { return s.DeleteReplicas(ctx, 0) },
		"Clean":            func() error { _, err := s.Clean(ctx, 1); return err },
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			err := call()
			if err == nil || auth.AsError(err).Code != auth.CodeUnavailable || errors.Is(err, auth.ErrNotFound) {
				t.Errorf("error is %v, want UNAVAILABLE", err)
			}
			wantEqual(t, "state", s.state(t, sess.ID), before)
		})
	}
	t.Run("WhileRevoking", func(t *testing.T) { testCancelledWhileRevoking(t, s, u, before) })
}

func testCancelledWhileRevoking(t *testing.T, s suite, u auth.User, before auth.SessionState) {
	ctx, cancel := context.WithCancel(t.Context())
	_, err := s.EndSessions(ctx, auth.EndSessions{
		UserID: u.ID, At: noon(), RaiseEpoch: true,
		BeforeCommit: func(context.Context, []string) error { cancel(); return nil },
	}, nil)
	if err == nil || auth.AsError(err).Code != auth.CodeUnavailable {
		t.Errorf("error is %v, want UNAVAILABLE", err)
	}
	wantEqual(t, "state", s.state(t, before.Session.ID), before)
}
