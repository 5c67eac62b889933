package storetest

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"rekey/internal/auth"
)

const mailLease = time.Minute

// testOutbox runs the contract of the outbox. Its tests share the one table, and
// leave it empty.
func testOutbox(t *testing.T, s suite) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, s suite)
	}{
		{"Mails", testMails},
		{"MailsWithChanges", testMailsWithChanges},
		{"ClaimMail", testClaimMail},
		{"DeadMails", testDeadMails},
		{"MailBacklog", testMailBacklog},
		{"CleanMails", testCleanMails},
		{"RaceClaimMail", testRaceClaimMail},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, s) })
	}
}

// newMail returns a sealed mail that was written at noon.
func newMail(userID string, expiresAt time.Time) auth.SealedMail {
	return auth.SealedMail{
		ID: uuid.NewString(), Kind: auth.MailSessionReused, UserID: userID,
		Sealed: auth.Sealed{Text: []byte("sealed\x00text"), Master: "m1"}, CreatedAt: noon(), ExpiresAt: expiresAt,
	}
}

// addMail stores a mail with an event.
func (s suite) addMail(t *testing.T, mails ...auth.SealedMail) {
	t.Helper()
	e := newEvent(auth.EventRefreshReuse, uuid.NewString(), "", noon())
	e.Mails = mails
	must(t, s.Record(t.Context(), e))
}

// mails lists all mails.
func (s suite) mails(t *testing.T) []auth.QueuedMail {
	t.Helper()
	all, err := s.Mails(t.Context(), auth.MailQuery{Limit: 1000})
	must(t, err)
	return all
}

// dropMails empties the outbox, which all tests share.
func (s suite) dropMails(t *testing.T) {
	t.Helper()
	for _, m := range s.mails(t) {
		must(t, s.DeleteMail(t.Context(), m.ID, nil))
	}
	for _, holder := range []string{"one", "two"} {
		must(t, s.ReleaseMails(t.Context(), holder))
	}
	s.clock.Set(t, noon())
}

// wantClaim claims a mail and compares its id and its number of attempts.
func (s suite) wantClaim(t *testing.T, holder, id string, tries int) {
	t.Helper()
	m, now, err := s.ClaimMail(t.Context(), holder, mailLease)
	must(t, err)
	wantEqual(t, "claimed", m.ID, id)
	wantEqual(t, "attempts", m.Tries, tries)
	if want := now.Add(mailLease); !m.SendAfter.Equal(want) {
		t.Errorf("due again at %v, want %v", m.SendAfter, want)
	}
}

func (s suite) wantNoClaim(t *testing.T, holder string) {
	t.Helper()
	_, _, err := s.ClaimMail(t.Context(), holder, mailLease)
	wantError(t, err, auth.ErrNotFound)
}

// testMails: a mail is stored with its event, and listed with all of its fields.
func testMails(t *testing.T, s suite) {
	defer s.dropMails(t)
	ctx := t.Context()
	user := uuid.NewString()
	first, second := newMail(user, noon().Add(time.Hour)), newMail("", noon().Add(day))
	if first.ID > second.ID {
		first.ID, second.ID = second.ID, first.ID
	}
	s.addMail(t, second, first)
	want := []auth.QueuedMail{
		{SealedMail: first, SendAfter: time.UnixMicro(0).UTC()}, {SealedMail: second, SendAfter: time.UnixMicro(0).UTC()},
	}
	wantEqual(t, "mails", s.mails(t), want)
	for name, test := range map[string]struct {
		q    auth.MailQuery
		want []auth.QueuedMail
	}{
		"Limit":   {auth.MailQuery{Limit: 1}, want[:1]},
		"After":   {auth.MailQuery{Limit: 5, After: first.ID}, want[1:]},
		"Dead":    {auth.MailQuery{Limit: 5, Dead: ptr(true)}, []auth.QueuedMail{}},
		"Waiting": {auth.MailQuery{Limit: 5, Dead: ptr(false)}, want},
	} {
		got, err := s.Mails(ctx, test.q)
		must(t, err)
		wantEqual(t, name, got, test.want)
	}
	bad := newMail("", noon())
	bad.Sealed.Master = "a\x00b"
	e := newEvent(auth.EventRefreshReuse, user, "", noon())
	e.Mails = []auth.SealedMail{bad}
	wantInternal(t, s.Record(ctx, e))
	wantEqual(t, "events of a refused mail", s.events(t, user), []auth.Event{})
}

// testMailsWithChanges: a change stores its mail if it is made, and only then.
func testMailsWithChanges(t *testing.T, s suite) {
	defer s.dropMails(t)
	ctx := t.Context()
	u, sess := s.signUp(t)
	event := func() *auth.Event {
		e := newEvent(auth.EventSessionRevoked, u.ID, sess.ID, noon())
		e.Mails = []auth.SealedMail{newMail(u.ID, noon().Add(day))}
		return &e
	}
	refused := errors.New("refused")
	end := auth.EndSessions{UserID: u.ID, Reason: "reuse", At: noon(), RaiseEpoch: true}
	refusing := end
	refusing.BeforeCommit = func(context.Context, []string) error { return refused }
	later := newSession(u.ID)
	for _, change := range []struct {
		name   string
		do     func() error
		err    error
		stored int
	}{
		{"a login", func() error { return s.createSession(ctx, newSession(u.ID), u.AuthEpoch, u.PasswordHash, "", event()) }, nil, 1},
		{"a revocation", func() error {
			_, err := s.RevokeSession(ctx, u.ID, sess.ID, "reuse", noon(), event())
			return err
		}, nil, 1},
		{"a repeated revocation", func() error {
			_, err := s.RevokeSession(ctx, u.ID, sess.ID, "reuse", noon(), event())
			return err
		}, nil, 0},
		{"a change that is rolled back", func() error { _, err := s.EndSessions(ctx, refusing, event()); return err }, refused, 0},
		{"a change of the user", func() error { _, err := s.EndSessions(ctx, end, event()); return err }, nil, 1},
		{"a late login", func() error { return s.createSession(ctx, later, u.AuthEpoch, u.PasswordHash, "", event()) }, auth.ErrMovedOn, 0},
	} {
		before := len(s.mails(t))
		if err := change.do(); !errors.Is(err, change.err) {
			t.Errorf("%s: error is %v, want %v", change.name, err, change.err)
		}
		wantEqual(t, change.name, len(s.mails(t))-before, change.stored)
	}
}

func testClaimMail(t *testing.T, s suite) {
	defer s.dropMails(t)
	ctx := t.Context()
	late, soon := newMail("", noon().Add(day)), newMail("", noon().Add(time.Hour))
	s.addMail(t, late, soon)
	s.wantClaim(t, "one", soon.ID, 1)
	s.wantNoClaim(t, "two") // another holder has the lease
	s.wantClaim(t, "one", late.ID, 1)
	s.wantNoClaim(t, "one") // both are claimed
	must(t, s.ReleaseMails(ctx, "two"))
	third := newMail("", noon().Add(day))
	s.addMail(t, third)
	s.wantNoClaim(t, "two")
	must(t, s.ReleaseMails(ctx, "one"))
	s.wantClaim(t, "two", third.ID, 1)
	must(t, s.DeleteMail(ctx, third.ID, nil))
	wantError(t, s.DeleteMail(ctx, third.ID, nil), auth.ErrNotFound)

	s.clock.Set(t, noon().Add(mailLease-time.Millisecond))
	s.wantNoClaim(t, "one")
	s.clock.Set(t, noon().Add(mailLease)) // the holder died
	s.wantClaim(t, "one", soon.ID, 2)
	must(t, s.PostponeMail(ctx, soon.ID, 1, 0, "stale")) // by the holder that was too slow
	must(t, s.PostponeMail(ctx, soon.ID, 2, time.Second, "greylisted"))
	s.clock.Set(t, noon().Add(mailLease+time.Second-time.Millisecond))
	s.wantClaim(t, "one", late.ID, 2)
	s.wantNoClaim(t, "one")
	s.clock.Set(t, noon().Add(mailLease+time.Second))
	s.wantClaim(t, "one", soon.ID, 3)
	wantEqual(t, "the last error", s.mails(t)[index(s.mails(t), soon.ID)].LastError, "greylisted")
}

func index(mails []auth.QueuedMail, id string) int {
	for i, m := range mails {
		if m.ID == id {
			return i
		}
	}
	return -1
}

// testDeadMails: a dead letter is not claimed. It can be sent again unless it was
// erased.
func testDeadMails(t *testing.T, s suite) {
	defer s.dropMails(t)
	ctx := t.Context()
	notice, secret := newMail("", noon().Add(time.Minute)), newMail("", noon().Add(time.Hour))
	s.addMail(t, notice, secret)
	s.wantClaim(t, "one", notice.ID, 1)
	s.wantClaim(t, "one", secret.ID, 1)
	must(t, s.BuryMail(ctx, notice.ID, 7, true, "stale"))
	must(t, s.BuryMail(ctx, notice.ID, 1, false, "no such mailbox"))
	must(t, s.BuryMail(ctx, secret.ID, 1, true, "refused"))
	must(t, s.PostponeMail(ctx, secret.ID, 1, 0, "late"))
	s.clock.Set(t, noon().Add(day))
	s.wantNoClaim(t, "one")
	dead := s.mails(t)
	for _, m := range dead {
		want := map[string]auth.QueuedMail{
			notice.ID: {SealedMail: notice, LastError: "no such mailbox"}, secret.ID: {SealedMail: secret, LastError: "refused"},
		}[m.ID]
		want.Tries, want.SendAfter, want.DeadAt = 1, noon().Add(mailLease), ptr(noon())
		if m.ID == secret.ID {
			want.Sealed = auth.Sealed{}
		}
		wantEqual(t, "dead letter", m, want)
	}
	b, err := s.MailBacklog(ctx)
	must(t, err)
	wantEqual(t, "backlog", b, auth.MailBacklog{Dead: 2})

	wantError(t, s.RequeueMail(ctx, secret.ID, noon().Add(2*day), nil), auth.ErrMovedOn)
	wantError(t, s.RequeueMail(ctx, uuid.NewString(), noon(), nil), auth.ErrNotFound)
	e := newEvent(auth.EventMailRetried, uuid.NewString(), "", noon())
	must(t, s.RequeueMail(ctx, notice.ID, noon().Add(2*day), &e))
	wantEqual(t, "recorded", s.events(t, e.UserID), []auth.Event{e})
	s.wantClaim(t, "one", notice.ID, 2)
	again := s.mails(t)[index(s.mails(t), notice.ID)]
	wantEqual(t, "expiry of a retried mail", again.ExpiresAt, noon().Add(2*day))
	must(t, s.RequeueMail(ctx, notice.ID, noon().Add(9*day), nil)) // it waits, so it expires as before
	wantEqual(t, "expiry of a waiting mail", s.mails(t)[index(s.mails(t), notice.ID)].ExpiresAt, noon().Add(2*day))
}

func testMailBacklog(t *testing.T, s suite) {
	defer s.dropMails(t)
	ctx := t.Context()
	empty, err := s.MailBacklog(ctx)
	must(t, err)
	wantEqual(t, "empty", empty, auth.MailBacklog{})
	first := newMail("", noon().Add(time.Hour))
	s.addMail(t, first, newMail("", noon().Add(day)))
	s.wantClaim(t, "one", first.ID, 1)
	s.clock.Set(t, noon().Add(30*time.Second))
	b, err := s.MailBacklog(ctx)
	must(t, err)
	wantEqual(t, "backlog", b, auth.MailBacklog{Waiting: 2, Due: 1, Oldest: 30 * time.Second})

	for _, from := range []string{"m0", "m1", "m1"} {
		done, err := s.ResealMail(ctx, first.ID, from, auth.Sealed{Text: []byte("anew"), Master: "m2"})
		must(t, err)
		wantEqual(t, "re-encrypted from "+from, done, from == "m1" && first.Sealed.Master == "m1")
		if done {
			first.Sealed.Master = "m2"
		}
	}
	wantEqual(t, "re-encrypted", s.mails(t)[index(s.mails(t), first.ID)].Sealed, auth.Sealed{Text: []byte("anew"), Master: "m2"})
}

// testRaceClaimMail: of several processes that claim at the same time, each mail
// goes to one.
func testRaceClaimMail(t *testing.T, s suite) {
	defer s.dropMails(t)
	const mails, holders = 40, 8
	for range mails {
		s.addMail(t, newMail("", noon().Add(day)))
	}
	var mu sync.Mutex
	claimed := map[string]int{}
	by := map[string]bool{}
	var wg sync.WaitGroup
	for i := range holders {
		holder := "holder " + strconv.Itoa(i)
		wg.Go(func() {
			for range mails {
				m, _, err := s.ClaimMail(t.Context(), holder, mailLease)
				if errors.Is(err, auth.ErrNotFound) {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				claimed[m.ID]++
				by[holder] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	wantEqual(t, "mails that were claimed", len(claimed), mails)
	for id, n := range claimed {
		if n != 1 {
			t.Errorf("mail %s was claimed %d times", id, n)
		}
	}
	wantEqual(t, "holders within the time of the lease", len(by), 1)
	for holder := range by {
		must(t, s.ReleaseMails(t.Context(), holder))
	}
}
