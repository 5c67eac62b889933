package storetest

import (
	"testing"
	"time"

	"rekey/internal/auth"
)

func testNow(t *testing.T, s suite) {
	defer s.clock.Set(t, noon())
	for _, at := range []time.Time{noon(), noon().Add(time.Microsecond), time.UnixMicro(1).UTC()} {
		s.clock.Set(t, at)
		got, err := s.Now(t.Context())
		must(t, err)
		wantEqual(t, "now", got, at)
	}
}

func testReplicaNotes(t *testing.T, s suite) {
	ctx := t.Context()
	defer s.clock.Set(t, noon())
	must(t, s.WriteReplicaNote(ctx, "b", nil))
	s.clock.Set(t, noon().Add(time.Second))
	must(t, s.WriteReplicaNote(ctx, "a", []string{"run1", "run2"}))
	s.clock.Set(t, noon().Add(3*time.Second))
	notes := func(maxAge time.Duration) []auth.ReplicaNote {
		t.Helper()
		got, err := s.ReplicaNotes(ctx, maxAge)
		must(t, err)
		return got
	}
	a := auth.ReplicaNote{Replica: "a", Nodes: []string{"run1", "run2"}, Age: 2 * time.Second}
	b := auth.ReplicaNote{Replica: "b", Age: 3 * time.Second}
	wantEqual(t, "all", notes(3*time.Second), []auth.ReplicaNote{a, b})
	wantEqual(t, "young ones", notes(3*time.Second-time.Microsecond), []auth.ReplicaNote{a})

	must(t, s.WriteReplicaNote(ctx, "b", []string{"run3"}))
	b = auth.ReplicaNote{Replica: "b", Nodes: []string{"run3"}}
	wantEqual(t, "rewritten", notes(time.Minute), []auth.ReplicaNote{a, b})

	must(t, s.DeleteReplicaNotes(ctx, 2*time.Second))
	wantEqual(t, "of that very age", notes(time.Minute), []auth.ReplicaNote{a, b})
	must(t, s.DeleteReplicaNotes(ctx, time.Second))
	wantEqual(t, "after deleting", notes(time.Minute), []auth.ReplicaNote{b})
}

// testClean: the database's clock decides, whatever a replica thinks. It lives a
// year before the other tests, whose rows must stay.
func testClean(t *testing.T, s suite) {
	ctx, long := t.Context(), 365*day
	u, live := s.signUp(t)
	var old []auth.Session
	for range 3 {
		sess := newSession(u.ID)
		sess.ExpiresAt = noon().Add(-long)
		must(t, s.CreateSession(ctx, sess, 0, u.PasswordHash, ""))
		old = append(old, sess)
	}
	token := accessToken(live)
	token.ExpiresAt = noon().Add(-long)
	kept := accessToken(live)
	kept.SecretHash, kept.ExpiresAt = hash("kept"), noon().Add(-long+time.Hour)
	for _, b := range []auth.BlacklistedToken{token, kept} {
		_, err := s.BlacklistAccess(ctx, b)
		must(t, err)
	}
	defer s.clock.Set(t, noon())
	clean := func(now time.Time, limit int) int {
		t.Helper()
		s.clock.Set(t, now)
		n, err := s.Clean(ctx, limit)
		must(t, err)
		return n
	}
	wantEqual(t, "at the very end", clean(noon().Add(-long), 10), 0)
	now := noon().Add(-long + 30*time.Minute)
	wantEqual(t, "first batch", clean(now, 2), 3)
	wantEqual(t, "second batch", clean(now, 2), 1)
	wantEqual(t, "nothing left", clean(now, 2), 0)
	for _, sess := range old {
		s.wantNoSession(t, sess.ID)
	}
	for secret, want := range map[auth.SecretHash]bool{token.SecretHash: false, kept.SecretHash: true} {
		st, err := s.SessionState(ctx, live.ID, secret)
		must(t, err)
		wantEqual(t, "blacklisted", st.AccessBlacklisted, want)
	}
	wantEqual(t, "live session", s.state(t, live.ID).Session, live)
}
