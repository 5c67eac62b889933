package storetest

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"rekey/internal/auth"
)

func testRotate(t *testing.T, s suite) {
	t.Run("Rotates", func(t *testing.T) {
		u, sess := s.signUp(t)
		dbNow := noon().Add(time.Hour + time.Microsecond)
		s.clock.Set(t, dbNow)
		defer s.clock.Set(t, noon())
		r := rotation(sess)
		st, err := s.Rotate(t.Context(), r)
		must(t, err)
		want := sess
		want.Generation = 2
		want.SecretHash, want.PreviousHash, want.RetryHash = r.Next, &r.Current, &r.Attempt
		want.RotatedAt, want.LastSeenAt = &dbNow, r.Now
		want.IssuedAt, want.AccessExpiresAt, want.RefreshExpiresAt = r.IssuedAt, r.AccessExpiresAt, r.RefreshExpiresAt
		want.UserAgent, want.IPAddress, want.RotatedBy = r.UserAgent, r.IPAddress, r.Transport
		want.Run = &auth.Run{BeganAt: dbNow, IssuedAt: sess.IssuedAt}
		wantEqual(t, "state", st, auth.SessionState{Session: want, User: u, Now: dbNow})
		wantEqual(t, "stored", s.state(t, sess.ID).Session, want)
	})
	t.Run("OnlyThisSession", func(t *testing.T) {
		u, sess := s.signUp(t)
		other := s.login(t, u)
		_, err := s.Rotate(t.Context(), rotation(sess))
		must(t, err)
		wantEqual(t, "other session", s.state(t, other.ID).Session, other)
	})
	t.Run("CappedByAbsoluteExpiry", func(t *testing.T) {
		u, _ := s.signUp(t)
		sess := newSession(u.ID)
		sess.ExpiresAt = noon().Add(time.Hour + time.Minute).Truncate(time.Second)
		must(t, s.createSession(t.Context(), sess, 0, u.PasswordHash, "", nil))
		st, err := s.Rotate(t.Context(), rotation(sess))
		must(t, err)
		wantEqual(t, "access", st.Session.AccessExpiresAt, sess.ExpiresAt)
		wantEqual(t, "refresh", st.Session.RefreshExpiresAt, sess.ExpiresAt)
	})
}

// testRotateConditions breaks each condition in turn: nothing may change.
func testRotateConditions(t *testing.T, s suite) {
	type world struct {
		user auth.User
		sess auth.Session
		r    *auth.Rotation
	}
	tests := map[string]func(t *testing.T, w world){
		"UnknownSession": func(_ *testing.T, w world) { w.r.SessionID = uuid.NewString() },
		"OtherUser": func(t *testing.T, w world) {
			other, _ := s.signUp(t)
			w.r.UserID = other.ID
		},
		"OtherHash": func(_ *testing.T, w world) { w.r.Current = hash("other") },
		"IssuedAhead": func(_ *testing.T, w world) {
			w.r.ClockLeeway = w.r.IssuedAt.Sub(noon()) - time.Microsecond
		},
		"ParentHash": func(t *testing.T, w world) {
			_, err := s.Rotate(t.Context(), rotation(w.sess))
			must(t, err)
			w.r.Next = hash("second child")
		},
		"Revoked": func(t *testing.T, w world) {
			_, err := s.RevokeSession(t.Context(), w.user.ID, w.sess.ID, "logout", noon(), nil)
			must(t, err)
		},
		"RefreshBlacklisted": func(t *testing.T, w world) {
			_, err := s.BlacklistRefresh(t.Context(), refreshToken(w.sess), nil)
			must(t, err)
		},
		"IdleExpired": func(_ *testing.T, w world) { w.r.Now = w.sess.RefreshExpiresAt },
		"Disabled": func(t *testing.T, w world) {
			// The session stays live: only the user prevents the rotation.
			_, err := s.EndSessions(t.Context(), auth.EndSessions{
				UserID: w.user.ID, Except: w.sess.ID, At: noon(), Disable: true,
			}, nil)
			must(t, err)
		},
	}
	for name, spoil := range tests {
		t.Run(name, func(t *testing.T) {
			u, sess := s.signUp(t)
			r := rotation(sess)
			spoil(t, world{user: u, sess: sess, r: &r})
			s.wantNoRotation(t, r, sess.ID)
		})
	}
	t.Run("AbsolutelyExpired", func(t *testing.T) {
		u, _ := s.signUp(t)
		sess := newSession(u.ID)
		sess.ExpiresAt = noon().Add(time.Hour)
		must(t, s.createSession(t.Context(), sess, 0, u.PasswordHash, "", nil))
		r := rotation(sess)
		r.Now = sess.ExpiresAt
		s.wantNoRotation(t, r, sess.ID)
		r.Now = sess.ExpiresAt.Add(-time.Microsecond)
		_, err := s.Rotate(t.Context(), r)
		must(t, err)
	})
}

func (s suite) wantNoRotation(t *testing.T, r auth.Rotation, sessionID string) {
	t.Helper()
	before := s.state(t, sessionID)
	_, err := s.Rotate(t.Context(), r)
	wantError(t, err, auth.ErrMovedOn)
	wantEqual(t, "state afterwards", s.state(t, sessionID), before)
}

func testRotateRetryHash(t *testing.T, s suite) {
	_, sess := s.signUp(t)
	key := hash("key")
	stored := func(retry *auth.SecretHash, attempt auth.SecretHash) auth.SecretHash {
		t.Helper()
		r := rotation(sess)
		r.RetryHash, r.Attempt, r.Next = retry, attempt, hash(string(attempt[:]))
		st, err := s.Rotate(t.Context(), r)
		must(t, err)
		sess = st.Session
		wantEqual(t, "stored", s.state(t, sess.ID).Session.RetryHash, sess.RetryHash)
		return *sess.RetryHash
	}
	wantEqual(t, "a first key", stored(&key, hash("a1")), key)
	wantEqual(t, "the same key again is the attempt", stored(&key, hash("a2")), hash("a2"))
	wantEqual(t, "and counts again after that", stored(&key, hash("a3")), key)
	wantEqual(t, "no key is the attempt", stored(nil, hash("a4")), hash("a4"))
	wantEqual(t, "another key", stored(ptr(hash("other")), hash("a5")), hash("other"))
}

// testRotateRuns checks which rotations continue a run. Rows of a batch follow the
// same rule (see testRotateTogether).
func testRotateRuns(t *testing.T, s suite) {
	_, sess := s.signUp(t)
	defer s.clock.Set(t, noon())
	const window = 10 * time.Second
	began := func(at time.Duration, issued time.Time) *auth.Run {
		return &auth.Run{BeganAt: noon().Add(at), IssuedAt: issued}
	}
	first := sess.IssuedAt
	issued := func(at time.Duration) time.Time { return noon().Add(at).Truncate(time.Second) }
	for _, step := range []struct {
		at            time.Duration
		run, previous *auth.Run
	}{
		{0, began(0, first), nil},
		{time.Millisecond, began(0, first), nil},
		{window - time.Millisecond, began(0, first), nil},
		{window, began(window, issued(window-time.Millisecond)), began(0, first)},
		{window + 5*time.Second, began(window, issued(window-time.Millisecond)), began(0, first)},
		{time.Hour, began(time.Hour, issued(window+5*time.Second)), began(window, issued(window-time.Millisecond))},
	} {
		s.clock.Set(t, noon().Add(step.at))
		r := rotation(sess)
		r.Next, r.IssuedAt = hash(sess.ID+step.at.String()), issued(step.at)
		st, err := s.Rotate(t.Context(), r)
		must(t, err)
		sess = st.Session
		wantEqual(t, "run at "+step.at.String(), sess.Run, step.run)
		wantEqual(t, "previous run at "+step.at.String(), sess.PreviousRun, step.previous)
		wantEqual(t, "stored", s.state(t, sess.ID).Session, sess)
	}
}

// testRotateTogether rotates many sessions at the same time, each of them twice.
// Some must not be rotated. Each has its own outcome, independent of its batch.
func testRotateTogether(t *testing.T, s suite) {
	const sessions = 60
	type one struct {
		user auth.User
		sess auth.Session
		r    auth.Rotation
		good bool
		st   [2]auth.SessionState
		err  [2]error
	}
	all := make([]one, sessions)
	var fns []func()
	for i := range all {
		o := &all[i]
		o.user, o.sess = s.signUp(t)
		o.r, o.good = rotation(o.sess), true
		switch i % 5 {
		case 1:
			o.r.Current, o.good = hash("other"), false
		case 2:
			_, err := s.RevokeSession(t.Context(), o.user.ID, o.sess.ID, "logout", noon(), nil)
			must(t, err)
			o.good = false
		case 3:
			o.r.RetryHash = ptr(hash("key" + o.sess.ID))
		}
		for j := range o.err {
			fns = append(fns, func() { o.st[j], o.err[j] = s.Rotate(t.Context(), o.r) })
		}
	}
	together(fns...)
	for i := range all {
		o := &all[i]
		won := slices.Index(o.err[:], nil)
		if (won >= 0) != o.good {
			t.Fatalf("session %d: %v, may be rotated: %v", i, o.err, o.good)
		}
		for j, err := range o.err {
			if j != won {
				wantError(t, err, auth.ErrMovedOn)
			}
		}
		if !o.good {
			continue
		}
		wantEqual(t, "user", o.st[won].User, o.user)
		wantEqual(t, "secret", o.st[won].Session.SecretHash, o.r.Next)
		wantEqual(t, "agent", o.st[won].Session.UserAgent, o.r.UserAgent)
		wantEqual(t, "address", o.st[won].Session.IPAddress, o.r.IPAddress)
		wantEqual(t, "transport", o.st[won].Session.RotatedBy, o.r.Transport)
		wantEqual(t, "run", o.st[won].Session.Run, &auth.Run{BeganAt: noon(), IssuedAt: o.sess.IssuedAt})
		wantEqual(t, "stored", s.state(t, o.sess.ID).Session, o.st[won].Session)
	}
}
