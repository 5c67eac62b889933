package auth_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"rekey/internal/auth"
	"rekey/internal/limit"
)

// journalStack is a core that can do nothing but fail at logins. It notes what
// the core does, in its order.
type journalStack struct {
	auth.Store // nil: what is not faked is not to be called
	auth.Tokens
	auth.Blacklist
	users    map[string]auth.User // by e-mail key
	lost     error                // of Record
	stalls   bool                 // Record waits for the end of its context
	limited  string               // the limit that refuses everything
	counting auth.Limiter
	cancel   func() // called when the journal's limits are

	done   []string
	kept   []auth.Event
	events []auth.Event
	log    bytes.Buffer
}

func (s *journalStack) UserByEmailKey(_ context.Context, key string) (auth.User, time.Time, error) {
	s.done = append(s.done, "find")
	if u, ok := s.users[key]; ok {
		u.Email, u.EmailKey = key, key
		return u, time.Time{}, nil
	}
	return auth.User{}, time.Time{}, auth.ErrNotFound
}

func (s *journalStack) Record(ctx context.Context, e auth.Event) error {
	s.done = append(s.done, "record")
	if s.stalls {
		<-ctx.Done()
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if s.lost == nil {
		s.kept = append(s.kept, e)
	}
	return s.lost
}

func (s *journalStack) Emit(_ context.Context, e auth.Event) {
	s.done = append(s.done, "emit")
	s.events = append(s.events, e)
}

func (s *journalStack) Allow(ctx context.Context, checks ...auth.Check) auth.Refusal {
	for _, c := range checks {
		s.done = append(s.done, c.Limit.Name)
		switch {
		case c.Limit.Name == s.limited:
			return auth.Refusal{Limit: c.Limit, Wait: time.Minute}
		case !strings.HasPrefix(c.Limit.Name, "journal"):
			continue
		case s.cancel != nil:
			s.cancel()
		}
		if r := s.counting.Allow(ctx, c); r.Wait > 0 {
			return r
		}
	}
	return auth.Refusal{}
}

func newJournalStack(t *testing.T) (*journalStack, *auth.Service) {
	t.Helper()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	passwords := auth.NewPasswords(1, 8, nil)
	hash, err := passwords.Hash(t.Context(), auth.Attempt{}, "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	disabled := now
	s := &journalStack{
		users: map[string]auth.User{
			"ada@example.com": {ID: "ada", PasswordHash: hash},
			"eve@example.com": {ID: "eve", PasswordHash: hash, DisabledAt: &disabled},
		},
		counting: limit.NewMemory(1000, func() time.Time { return now }),
	}
	core, err := auth.New(auth.Options{
		Store: s, Tokens: s, Blacklist: s, Limiter: s, Events: s, Passwords: passwords,
		Logger: slog.New(slog.NewTextHandler(&s.log, nil)),
		Now:    func() time.Time { return now }, RotationKeys: auth.FixedKeys(make([]byte, 32)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return s, core
}

func client() auth.Client {
	return auth.Client{Address: "192.0.2.1", UserAgent: "agent", RequestID: "request-1", Transport: "graphql"}
}

func wrong(email string) auth.LoginInput {
	return auth.LoginInput{Email: email, Password: "wrong horse"}
}

// TestService_LoginFailed: the cost of a failed login does not reveal whether there is
// an account.
func TestService_LoginFailed(t *testing.T) {
	s, core := newJournalStack(t)
	var traces [2][]string
	for i, email := range []string{"ada@example.com", "nobody@example.com"} {
		s.done = nil
		_, err := core.Login(t.Context(), wrong(email), client())
		if e := auth.AsError(err); e == nil || e.Reason != auth.ReasonInvalidCredentials {
			t.Fatalf("%s: %v", email, err)
		}
		traces[i] = s.done
	}
	if !slices.Equal(traces[0], traces[1]) || !slices.Contains(traces[0], "record") {
		t.Errorf("for an account the core does %q, for none %q", traces[0], traces[1])
	}
	if len(s.kept) != 2 || s.kept[0].UserID != "ada" || s.kept[1].UserID != "" {
		t.Fatalf("kept: %+v", s.kept)
	}
	s.kept[0].UserID = ""
	if !reflect.DeepEqual(s.kept[0], s.kept[1]) || !reflect.DeepEqual(s.kept[1:], s.events[1:]) {
		t.Errorf("kept %+v, emitted %+v", s.kept, s.events)
	}
	for _, e := range s.kept {
		if text := fmt.Sprintf("%+v", e); strings.Contains(text, "example.com") || strings.Contains(text, "horse") {
			t.Errorf("what was typed is kept: %s", text)
		}
	}
}

func TestService_LoginDisabled(t *testing.T) {
	s, core := newJournalStack(t)
	_, err := core.Login(t.Context(), auth.LoginInput{Email: "eve@example.com", Password: "correct horse"}, client())
	if auth.AsError(err).Reason != auth.ReasonUserDisabled || len(s.kept) != 1 || s.kept[0].Detail != "user_disabled" || s.kept[0].UserID != "eve" {
		t.Errorf("%v, kept: %+v", err, s.kept)
	}
}

// TestService_JournalLost: a journal that cannot be written changes no answer, and is
// reported.
func TestService_JournalLost(t *testing.T) {
	s, core := newJournalStack(t)
	s.lost = errors.New("no database")
	_, err := core.Login(t.Context(), wrong("ada@example.com"), client())
	if auth.AsError(err).Reason != auth.ReasonInvalidCredentials {
		t.Error(err)
	}
	if n := len(s.events); n != 2 || s.events[1].Kind != auth.EventJournalLost || s.events[1].Detail != string(auth.EventLoginFailed) {
		t.Errorf("emitted: %+v", s.events)
	}
	if n := strings.Count(s.log.String(), "no database"); n != 1 {
		t.Errorf("the cause is logged %d times: %s", n, &s.log)
	}
}

// TestService_JournalStalls: the answer does not wait for the journal beyond the time
// limit of the request.
func TestService_JournalStalls(t *testing.T) {
	s, core := newJournalStack(t)
	s.stalls = true
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := core.Login(ctx, wrong("ada@example.com"), client()); err == nil {
		t.Error("the login succeeded")
	}
}

// TestService_JournalOfTheGone: a client that disconnects before the answer is in the
// journal too.
func TestService_JournalOfTheGone(t *testing.T) {
	s, core := newJournalStack(t)
	ctx, cancel := context.WithCancel(t.Context())
	s.cancel = cancel
	_, _ = core.Login(ctx, wrong("ada@example.com"), client())
	if len(s.kept) != 1 || ctx.Err() == nil {
		t.Errorf("kept: %+v", s.kept)
	}
}

// Of an account's failures there is a sample in the journal, and all in the log.
// Those left out are counted.
func TestService_JournalSample(t *testing.T) {
	s, core := newJournalStack(t)
	const attempts = 23
	for range attempts {
		_, _ = core.Login(t.Context(), wrong("ada@example.com"), client())
	}
	emitted := map[auth.EventKind]int{}
	for _, e := range s.events {
		emitted[e.Kind]++
	}
	if len(s.kept) != 20 || emitted[auth.EventLoginFailed] != attempts || emitted[auth.EventJournalSampled] != attempts-20 {
		t.Errorf("%d kept of %d; emitted: %v", len(s.kept), attempts, emitted)
	}
}

// Logins that are slowed down are kept once for an account, and neither an
// address nor all of them together fill the disk with accounts that they try.
func TestService_LoginLimited(t *testing.T) {
	s, core := newJournalStack(t)
	s.limited = "login_account"
	try := func(email, address string) {
		c := client()
		c.Address = address
		if _, err := core.Login(t.Context(), wrong(email), c); auth.AsError(err).Code != auth.CodeRateLimited {
			t.Fatal(err)
		}
	}
	for range 3 {
		try("ada@example.com", "192.0.2.1")
		try("nobody@example.com", "192.0.2.2")
	}
	if len(s.kept) != 2 || s.kept[0].UserID != "ada" || s.kept[1].UserID != "" || s.kept[0].Kind != auth.EventLoginLimited {
		t.Fatalf("kept: %+v", s.kept)
	}
	for i := range 200 {
		try(fmt.Sprintf("a%d@example.com", i), "192.0.2.3")
	}
	if n := len(s.kept) - 2; n != 100 {
		t.Errorf("%d kept of one address", n)
	}
	for i := range 1200 {
		try(fmt.Sprintf("b%d@example.com", i), fmt.Sprintf("198.51.%d.%d", i/250, i%250))
	}
	if len(s.kept) != 1000 || len(s.events) != len(s.kept) {
		t.Errorf("%d kept and %d emitted in all", len(s.kept), len(s.events))
	}
}
