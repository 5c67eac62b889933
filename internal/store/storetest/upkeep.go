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

func testReplicas(t *testing.T, s suite) {
	ctx := t.Context()
	defer s.clock.Set(t, noon())
	at := func(since time.Duration) { s.clock.Set(t, noon().Add(since)) }
	list := func(maxAge time.Duration) []auth.Replica {
		t.Helper()
		got, err := s.Replicas(ctx, maxAge)
		must(t, err)
		return got
	}
	must(t, s.SetReplicaNodes(ctx, "b", nil))
	at(time.Second)
	must(t, s.SetReplicaNodes(ctx, "a", []string{"run1", "run2"}))
	at(3 * time.Second)
	a := auth.Replica{ID: "a", Joined: true, Nodes: []string{"run1", "run2"}, Age: 2 * time.Second}
	b := auth.Replica{ID: "b", Joined: true, Age: 3 * time.Second}
	wantEqual(t, "all", list(3*time.Second), []auth.Replica{a, b})
	wantEqual(t, "recent ones", list(3*time.Second-time.Microsecond), []auth.Replica{a})

	must(t, s.SetReplicaNodes(ctx, "b", []string{"run3"}))
	b.Nodes, b.Age = []string{"run3"}, 0
	wantEqual(t, "other nodes", list(time.Minute), []auth.Replica{a, b})

	t.Run("Keys", func(t *testing.T) {
		one := map[auth.KeyPurpose]auth.ReplicaKeys{auth.KeyAccess: {File: true, Signs: "a", Knows: []string{"a", "b"}}}
		two := map[auth.KeyPurpose]auth.ReplicaKeys{auth.KeyRotation: {Signs: "c"}}
		must(t, s.SetReplicaKeys(ctx, "b", two))
		must(t, s.SetReplicaKeys(ctx, "c", two))
		c := auth.Replica{ID: "c", Keys: two}
		b.Keys = two
		wantEqual(t, "nodes and keys", list(time.Minute), []auth.Replica{a, b, c})
		at(4 * time.Second)
		must(t, s.SetReplicaKeys(ctx, "c", one))
		a.Age, b.Age, c.Keys = 3*time.Second, time.Second, one
		wantEqual(t, "other keys", list(time.Minute), []auth.Replica{a, b, c})
		must(t, s.SetReplicaNodes(ctx, "b", nil))
		b.Nodes, b.Age = nil, 0
		must(t, s.SetReplicaKeys(ctx, "c", nil))
		c.Keys = nil
		wantEqual(t, "one part changes and the other stays", list(time.Minute), []auth.Replica{a, b, c})
		must(t, s.SetReplicaKeys(ctx, "b", nil))
		b.Keys = nil
		wantEqual(t, "joined without keys", list(time.Minute), []auth.Replica{a, b, c})
	})
	must(t, s.DeleteReplicas(ctx, 3*time.Second))
	wantEqual(t, "of exactly that age", len(list(time.Minute)), 3)
	must(t, s.DeleteReplicas(ctx, time.Second))
	wantEqual(t, "after deleting", list(time.Minute), []auth.Replica{b, {ID: "c"}})
}

// testClean: the database's clock decides, not a replica's. The test sets it a
// year back, so that the rows of the other tests remain.
func testClean(t *testing.T, s suite) {
	ctx, long := t.Context(), 365*day
	u, live := s.signUp(t)
	var old []auth.Session
	for range 3 {
		sess := newSession(u.ID)
		sess.ExpiresAt = noon().Add(-long)
		must(t, s.createSession(ctx, sess, 0, u.PasswordHash, "", nil))
		old = append(old, sess)
	}
	token := accessToken(live)
	token.ExpiresAt = noon().Add(-long)
	kept := accessToken(live)
	kept.SecretHash, kept.ExpiresAt = hash("kept"), noon().Add(-long+time.Hour)
	for _, b := range []auth.BlacklistedToken{token, kept} {
		_, err := s.BlacklistAccess(ctx, b, nil)
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
	wantEqual(t, "at the expiry", clean(noon().Add(-long), 10), 0)
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

// testCleanMails: a mail is deleted some time after it expired, dead or not. The
// test sets the clock a year back, as testClean does.
func testCleanMails(t *testing.T, s suite) {
	defer s.dropMails(t)
	long := 365 * day
	old, kept := newMail("", noon().Add(-long)), newMail("", noon().Add(-long+time.Hour))
	s.addMail(t, old, kept)
	for _, step := range []struct {
		after time.Duration
		left  int
	}{{29 * day, 2}, {30 * day, 1}} {
		s.clock.Set(t, noon().Add(-long+step.after))
		_, err := s.Clean(t.Context(), 10)
		must(t, err)
		wantEqual(t, "left", len(s.mails(t)), step.left)
	}
	wantEqual(t, "the mail that is left", s.mails(t)[0].ID, kept.ID)
}
