package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"rekey/internal/auth"
)

// newEvent returns an event in which every field is set.
func newEvent(kind auth.EventKind, userID, sessionID string, at time.Time) auth.Event {
	return auth.Event{
		Kind: kind, At: at, UserID: userID, SessionID: sessionID, Detail: "THIS", Count: 3,
		Client: auth.Client{
			Address: "2001:db8::7", UserAgent: "Mozilla/5.0 (ünit)", RequestID: "request-1", Transport: "rest", Actor: "cli:zoë",
		},
	}
}

// events lists the journal's events of a user, newest first, without ids.
func (s suite) events(t *testing.T, userID string) []auth.Event {
	t.Helper()
	list, err := s.Recorded(t.Context(), auth.JournalQuery{UserID: userID, Limit: 1000})
	must(t, err)
	events := make([]auth.Event, len(list))
	for i, e := range list {
		events[i] = e.Event
	}
	return events
}

func testRecord(t *testing.T, s suite) {
	user, session := uuid.NewString(), uuid.NewString() // neither has to exist
	one := newEvent(auth.EventLogin, user, session, noon())
	two := newEvent(auth.EventLoginFailed, user, "", noon().Add(time.Microsecond))
	two.Client, two.Detail, two.Count = auth.Client{}, "", 0
	must(t, s.Record(t.Context(), two)) // a replica whose clock is ahead
	must(t, s.Record(t.Context(), one))
	two.Client.Actor = auth.ActorSystem
	wantEqual(t, "journal", s.events(t, user), []auth.Event{two, one})
	wantEqual(t, "another user's", s.events(t, uuid.NewString()), []auth.Event{})
	wantEqual(t, "of an invalid id", s.events(t, "nobody"), []auth.Event{})

	nobody := newEvent(auth.EventKeyAdded, "", "", noon().Add(3*365*day))
	must(t, s.Record(t.Context(), nobody))
	list, err := s.Recorded(t.Context(), auth.JournalQuery{Limit: 1})
	must(t, err)
	wantEqual(t, "without a user", list[0].Event, nobody)
	bad := newEvent(auth.EventLogin, user, session, noon())
	bad.Detail = "a\x00b"
	wantInternal(t, s.Record(t.Context(), bad))
}

func testRecorded(t *testing.T, s suite) {
	user := uuid.NewString()
	kinds := []auth.EventKind{auth.EventSignUp, auth.EventLogin, auth.EventLogout, auth.EventLogin, auth.EventRefreshReuse}
	for i, kind := range kinds {
		must(t, s.Record(t.Context(), newEvent(kind, user, "", noon().Add(time.Duration(i)*time.Millisecond))))
	}
	must(t, s.Record(t.Context(), newEvent(auth.EventLogin, uuid.NewString(), "", noon())))
	list := func(q auth.JournalQuery) []auth.RecordedEvent {
		t.Helper()
		q.UserID = user
		got, err := s.Recorded(t.Context(), q)
		must(t, err)
		return got
	}
	all := list(auth.JournalQuery{Limit: 10})
	if len(all) != len(kinds) {
		t.Fatalf("%d events", len(all))
	}
	millis := func(n int) time.Time { return noon().Add(time.Duration(n) * time.Millisecond) }
	for name, test := range map[string]struct {
		q    auth.JournalQuery
		want []auth.RecordedEvent
	}{
		"Limit":       {auth.JournalQuery{Limit: 2}, all[:2]},
		"Oldest":      {auth.JournalQuery{Limit: 2, Oldest: true}, all[3:]},
		"OlderThan":   {auth.JournalQuery{Limit: 2, OlderThan: all[1].ID}, all[2:4]},
		"NewerThan":   {auth.JournalQuery{Limit: 10, NewerThan: all[2].ID}, all[:2]},
		"NewerOldest": {auth.JournalQuery{Limit: 1, NewerThan: all[2].ID, Oldest: true}, all[1:2]},
		"Between":     {auth.JournalQuery{Limit: 10, OlderThan: all[0].ID, NewerThan: all[4].ID}, all[1:4]},
		"Kinds":       {auth.JournalQuery{Limit: 10, Kinds: []auth.EventKind{auth.EventSignUp, auth.EventLogout}}, []auth.RecordedEvent{all[2], all[4]}},
		"Since":       {auth.JournalQuery{Limit: 10, Since: millis(3)}, all[:2]},
		"SinceAll":    {auth.JournalQuery{Limit: 10, Since: millis(0).Add(-time.Hour)}, all},
		"ID":          {auth.JournalQuery{Limit: 10, ID: all[1].ID}, all[1:2]},
		"UnknownID":   {auth.JournalQuery{Limit: 10, ID: uuid.NewString()}, []auth.RecordedEvent{}},
		"None":        {auth.JournalQuery{Limit: 0}, []auth.RecordedEvent{}},
	} {
		t.Run(name, func(t *testing.T) { wantEqual(t, "events", list(test.q), test.want) })
	}
}

// recording is a change that records an event.
type recording struct {
	name string
	do   func(e auth.Event) error
	// count is the number of sessions in the recorded event; no event is recorded
	// if it is 0.
	count int
	err   error
}

// testRecordedChanges: a change records its event if it is made, and only then.
func testRecordedChanges(t *testing.T, s suite) {
	ctx, u := t.Context(), newUser()
	sess, other := newSession(u.ID), newSession(u.ID)
	expired, taken := newSession(u.ID), newUser()
	expired.ExpiresAt, taken.EmailKey = noon().Add(-time.Second), u.EmailKey
	create := func(sess auth.Session, epoch int64, rehash string) func(auth.Event) error {
		return func(e auth.Event) error { return s.createSession(ctx, sess, epoch, u.PasswordHash, rehash, &e) }
	}
	revoke := func(id string) func(auth.Event) error {
		return func(e auth.Event) error { _, err := s.RevokeSession(ctx, u.ID, id, "logout", noon(), &e); return err }
	}
	access := func(at time.Time) func(auth.Event) error {
		token := accessToken(sess)
		token.BlacklistedAt = at
		return func(e auth.Event) error { _, err := s.BlacklistAccess(ctx, token, &e); return err }
	}
	refresh := func(secret auth.SecretHash, at time.Time) func(auth.Event) error {
		token := refreshToken(sess)
		token.SecretHash, token.BlacklistedAt = secret, at
		return func(e auth.Event) error { _, err := s.BlacklistRefresh(ctx, token, &e); return err }
	}
	s.checkRecorded(t, u, []recording{
		{"SignUp", func(e auth.Event) error { return s.CreateUser(ctx, auth.NewAccount{User: u, Session: sess}, &e) }, 3, nil},
		{"SignUpTaken", func(e auth.Event) error {
			return s.CreateUser(ctx, auth.NewAccount{User: taken, Session: newSession(taken.ID)}, &e)
		}, 0, auth.ErrEmailTaken},
		{"Login", create(other, 0, ""), 3, nil},
		{"LoginExpired", create(expired, 0, ""), 3, nil},
		{"LoginRehashing", create(newSession(u.ID), 0, u.PasswordHash), 3, nil},
		{"LoginLate", create(newSession(u.ID), 7, ""), 0, auth.ErrMovedOn},
		{"LoginLateRehashing", create(newSession(u.ID), 7, "rehashed"), 0, auth.ErrMovedOn},
		{"Revoke", revoke(other.ID), 3, nil},
		{"RevokeAgain", revoke(other.ID), 0, nil},
		{"RevokeExpired", revoke(expired.ID), 0, nil},
		{"Access", access(noon()), 3, nil},
		{"AccessAgain", access(noon().Add(time.Second)), 0, nil},
		{"Refresh", refresh(sess.SecretHash, noon()), 3, nil},
		{"RefreshAgain", refresh(sess.SecretHash, noon().Add(time.Second)), 0, nil},
		{"RefreshOther", refresh(hash("another"), noon()), 0, nil},
	})
}

func testRecordedRevocations(t *testing.T, s suite) {
	ctx, refused := t.Context(), errors.New("refused")
	u, sess := s.signUp(t)
	s.login(t, u)
	end := func(change auth.EndSessions) func(auth.Event) error {
		change.UserID, change.At, change.Reason = u.ID, noon(), "logout"
		return func(e auth.Event) error { _, err := s.EndSessions(ctx, change, &e); return err }
	}
	refuse := func(context.Context, []string) error { return refused }
	enable := func(e auth.Event) error { return s.EnableUser(ctx, u.ID, noon(), &e) }
	s.checkRecorded(t, u, []recording{
		{"Refused", end(auth.EndSessions{RaiseEpoch: true, BeforeCommit: refuse}), 0, refused},
		{"OtherPassword", end(auth.EndSessions{ExpectPasswordHash: "other", PasswordHash: "x"}), 0, auth.ErrMovedOn},
		{"Others", end(auth.EndSessions{Except: sess.ID}), 1, nil},
		{"NoOthers", end(auth.EndSessions{Except: sess.ID}), 0, nil},
		{"All", end(auth.EndSessions{RaiseEpoch: true}), 1, nil},
		{"Disable", end(auth.EndSessions{RaiseEpoch: true, Disable: true}), -1, nil},
		{"Enable", enable, 3, nil},
		{"EnableAgain", enable, 0, nil},
	})
}

// checkRecorded makes changes one after the other. A count of -1 means an event
// that counts no session.
func (s suite) checkRecorded(t *testing.T, u auth.User, changes []recording) {
	want := s.events(t, u.ID)
	for i, change := range changes {
		t.Run(change.name, func(t *testing.T) {
			e := newEvent(auth.EventKind("test_"+change.name), u.ID, uuid.NewString(), noon().Add(time.Duration(i+1)*time.Microsecond))
			if err := change.do(e); !errors.Is(err, change.err) {
				t.Fatalf("error is %v, want %v", err, change.err)
			}
			if e.Count = max(0, change.count); change.count != 0 {
				want = append([]auth.Event{e}, want...)
			}
			wantEqual(t, "journal", s.events(t, u.ID), want)
		})
	}
}

// Each user whose session an operator revoked finds that in the journal.
func testRecordedForEach(t *testing.T, s suite) {
	u, one := s.signUp(t)
	two, expired := s.login(t, u), newSession(u.ID)
	expired.ExpiresAt = noon().Add(-time.Second)
	must(t, s.createSession(t.Context(), expired, 0, u.PasswordHash, "", nil))
	other, theirs := s.signUp(t)
	e := newEvent(auth.EventSessionRevoked, "", "", noon())
	_, err := s.RevokeSessions(t.Context(), []string{one.ID, two.ID, expired.ID, theirs.ID}, "operator", noon(), &e)
	must(t, err)
	sessions := map[string]bool{}
	for _, got := range s.events(t, u.ID) {
		sessions[got.SessionID] = true
		got.UserID, got.SessionID = "", ""
		wantEqual(t, "event", got, e)
	}
	wantEqual(t, "sessions", sessions, map[string]bool{one.ID: true, two.ID: true})
	e.UserID, e.SessionID = other.ID, theirs.ID
	wantEqual(t, "the other user's", s.events(t, other.ID), []auth.Event{e})
}

// testRecordedKeys: events that concern no user are found by their kind.
func testRecordedKeys(t *testing.T, s suite) {
	ctx, api, sealed := t.Context(), newAPIKey(), newSealedKey("journal "+uuid.NewString(), auth.KeyPurpose(uuid.NewString()), 1)
	add := func(e auth.Event) error { _, err := s.AddKey(ctx, sealed, 0, &e); return err }
	reseal := func(e auth.Event) error {
		_, err := s.ResealKey(ctx, sealed.KID, sealed.Master, []byte("anew"), "m2", &e)
		return err
	}
	remove := func(e auth.Event) error { return s.DeleteKey(ctx, sealed.KID, &e) }
	revoke := func(e auth.Event) error { _, err := s.RevokeAPIKey(ctx, api.Prefix, noon(), &e); return err }
	for _, change := range []recording{
		{"CreateAPIKey", func(e auth.Event) error { return s.CreateAPIKey(ctx, api, &e) }, 1, nil},
		{"RevokeAPIKey", revoke, 1, nil},
		{"RevokeAPIKeyAgain", revoke, 0, nil},
		{"AddKey", add, 1, nil},
		{"AddKeyAgain", add, 0, nil},
		{"ResealKey", reseal, 1, nil},
		{"ResealKeyAgain", reseal, 0, nil},
		{"EndKey", func(e auth.Event) error { return s.EndKey(ctx, sealed.KID, 0, &e) }, 1, nil},
		{"EndNoKey", func(e auth.Event) error { return s.EndKey(ctx, "nonesuch", 0, &e) }, 0, auth.ErrNotFound},
		{"DeleteKey", remove, 1, nil},
		{"DeleteKeyAgain", remove, 0, nil},
	} {
		t.Run(change.name, func(t *testing.T) {
			e := newEvent(auth.EventKind(uuid.NewString()), "", "", noon())
			if err := change.do(e); !errors.Is(err, change.err) {
				t.Fatalf("error is %v, want %v", err, change.err)
			}
			list, err := s.Recorded(ctx, auth.JournalQuery{Kinds: []auth.EventKind{e.Kind}, Limit: 10})
			must(t, err)
			wantEqual(t, "recorded events", len(list), change.count)
		})
	}
}

// testCleanJournal: the database's clock decides. The test sets it ten years back,
// so that the events of the other tests remain.
func testCleanJournal(t *testing.T, s suite) {
	defer s.clock.Set(t, noon())
	user, keep := uuid.NewString(), 90*day
	then := noon().Add(-3650 * day)
	for i := range 5 {
		must(t, s.Record(t.Context(), newEvent(auth.EventLogin, user, "", then.Add(time.Duration(i)*time.Millisecond))))
	}
	clean := func(now time.Time, limit int) int {
		t.Helper()
		s.clock.Set(t, now)
		n, err := s.CleanJournal(t.Context(), keep, limit)
		must(t, err)
		return n
	}
	wantEqual(t, "of exactly that age", clean(then.Add(keep), 10), 0)
	now := then.Add(keep + 3*time.Millisecond)
	wantEqual(t, "first batch", clean(now, 2), 2)
	wantEqual(t, "second batch", clean(now, 2), 1)
	wantEqual(t, "nothing left", clean(now, 2), 0)
	wantEqual(t, "the newer ones", len(s.events(t, user)), 2)
}
