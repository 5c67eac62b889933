package storetest

import (
	"slices"
	"testing"
	"time"

	"rekey/internal/auth"
)

// testReauthenticate: the rotation records the proof of a credential together with
// its event and the use of its token, or does nothing. A plain rotation leaves what
// was recorded.
func testReauthenticate(t *testing.T, s suite) {
	ctx := t.Context()
	prove := func(sess auth.Session, method auth.Method) auth.Reauthentication {
		return auth.Reauthentication{Rotation: rotation(sess), Method: method}
	}
	t.Run("RecordsTheProof", func(t *testing.T) {
		u, sess := s.signUp(t)
		r := prove(sess, auth.MethodEmail)
		token := newToken(u)
		token.ExpiresAt = r.Now.Add(time.Minute)
		s.issue(t, token)
		r.Redeem = &auth.Redemption{Hash: token.Hash, Purpose: token.Purpose, Payload: "key"}
		e := newEvent(auth.EventReauthenticated, u.ID, sess.ID, r.Now)
		st, err := s.Reauthenticate(ctx, r, &e)
		must(t, err)
		wantEqual(t, "authenticated at", st.Session.AuthenticatedAt, r.Now)
		wantEqual(t, "methods", st.Session.Methods, append(slices.Clone(sess.Methods), auth.MethodEmail))
		wantEqual(t, "secret", st.Session.SecretHash, r.Next)
		wantEqual(t, "generation", st.Session.Generation, sess.Generation+1)
		wantEqual(t, "stored", s.state(t, sess.ID).Session, st.Session)
		wantEqual(t, "events", s.events(t, u.ID), []auth.Event{e})
		got, _ := s.token(t, token.Hash)
		wantEqual(t, "payload", got.Payload, "key")
		wantEqual(t, "used", got.UsedAt, &r.Now)

		next := rotation(st.Session)
		next.Now, next.Next = r.Now.Add(time.Hour), hash("next of "+sess.ID)
		after, err := s.Rotate(ctx, next)
		must(t, err)
		wantEqual(t, "a rotation leaves the time", after.Session.AuthenticatedAt, r.Now)
		wantEqual(t, "a rotation leaves the methods", after.Session.Methods, st.Session.Methods)
		again := prove(after.Session, auth.MethodEmail)
		again.Next = hash("third of " + sess.ID)
		again.Now = next.Now.Add(time.Hour)
		third, err := s.Reauthenticate(ctx, again, nil)
		must(t, err)
		wantEqual(t, "each method once", third.Session.Methods, st.Session.Methods)
	})
	t.Run("ErrMovedOn", func(t *testing.T) {
		u, sess := s.signUp(t)
		e := newEvent(auth.EventReauthenticated, u.ID, sess.ID, noon())
		refused := func(name string, r auth.Reauthentication) {
			t.Helper()
			_, err := s.Reauthenticate(ctx, r, &e)
			wantError(t, err, auth.ErrMovedOn)
			wantEqual(t, "events after "+name, len(s.events(t, u.ID)), 0)
		}
		r := prove(sess, auth.MethodPassword)
		r.Current = hash("another")
		refused("another secret", r)
		r = prove(sess, auth.MethodPassword)
		r.Redeem = &auth.Redemption{Hash: hash("no token"), Purpose: auth.PurposeReauthenticate}
		refused("a token that does not exist", r)
		wantEqual(t, "session", s.state(t, sess.ID).Session, sess)
		token := newToken(u)
		token.ExpiresAt = r.Now.Add(time.Minute)
		s.issue(t, token)
		r.Redeem, r.Current = &auth.Redemption{Hash: token.Hash, Purpose: token.Purpose}, hash("another")
		refused("another secret with a token", r)
		got, _ := s.token(t, token.Hash)
		wantEqual(t, "token", got, token)
		_, err := s.BlacklistRefresh(ctx, auth.BlacklistedToken{
			SessionID: sess.ID, SecretHash: sess.SecretHash, Use: auth.UseRefresh, BlacklistedAt: noon(), ExpiresAt: noon().Add(time.Hour),
		}, nil)
		must(t, err)
		refused("a blacklisted token", prove(sess, auth.MethodPassword))
		_, err = s.EndSessions(ctx, auth.EndSessions{UserID: u.ID, At: noon(), Disable: true}, nil)
		must(t, err)
		refused("disabling", prove(sess, auth.MethodPassword))
	})
	t.Run("AgainstRotate", func(t *testing.T) { testReauthenticateAgainstRotate(t, s) })
}

// testReauthenticateAgainstRotate: of a proof and a plain rotation of one session, one
// succeeds.
func testReauthenticateAgainstRotate(t *testing.T, s suite) {
	for range 50 {
		_, sess := s.signUp(t)
		r, plain := auth.Reauthentication{Rotation: rotation(sess), Method: auth.MethodPassword}, rotation(sess)
		r.Now, r.Next = r.Now.Add(time.Second), hash("proved "+sess.ID)
		var errs [2]error
		together(func() { _, errs[0] = s.Reauthenticate(t.Context(), r, nil) }, func() { _, errs[1] = s.Rotate(t.Context(), plain) })
		if (errs[0] == nil) == (errs[1] == nil) {
			t.Fatalf("%v and %v, want one success", errs[0], errs[1])
		}
		got := s.state(t, sess.ID).Session
		if errs[0] == nil {
			wantEqual(t, "secret", got.SecretHash, r.Next)
			wantEqual(t, "authenticated at", got.AuthenticatedAt, r.Now)
		} else {
			wantEqual(t, "secret", got.SecretHash, plain.Next)
			wantEqual(t, "authenticated at", got.AuthenticatedAt, sess.AuthenticatedAt)
		}
	}
}
