package app

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rekey/internal/auth"
	"rekey/internal/test/logcheck"
)

// checkJournal searches the journal for secrets, as logcheck searches a log.
func (s *stack) checkJournal() {
	rows, err := s.app.store.Recorded(context.WithoutCancel(s.t.Context()), auth.JournalQuery{Limit: 10_000})
	if err != nil {
		return // a test has removed the database
	}
	var text strings.Builder
	for _, row := range rows {
		line, err := json.Marshal(row)
		if err != nil {
			s.t.Error(err)
		}
		text.Write(append(line, '\n'))
	}
	logcheck.Check(s.t, text.String(), append(s.keys, "example.com")...)
}

// kinds returns the kinds of events in the journal in alphabetical order,
// because the clock does not advance.
func (s *stack) kinds() string {
	s.t.Helper()
	rows, err := s.app.store.Recorded(s.t.Context(), auth.JournalQuery{Limit: 1000})
	if err != nil {
		s.t.Fatal(err)
	}
	words := make([]string, len(rows))
	for i, row := range rows {
		words[i] = string(row.Kind)
	}
	slices.Sort(words)
	return strings.Join(words, " ")
}

// TestJournal_loop: one account that refreshes and blacklists in a loop fills
// neither the journal nor the blacklist.
func TestJournal_loop(t *testing.T) {
	for _, e := range engines()[:2] { // with Redis, limits follow its clock
		t.Run(e.name, func(t *testing.T) {
			s := newStack(t, e, map[string]string{"RATE_LIMITS": "on"})
			pair, refused := s.signUp("ada@example.com"), 0
			const rounds = 100
			for range rounds {
				s.advance(time.Second)
				problem := s.graphql(pair.access, `mutation($t: String!) { blacklistToken(token: $t) { sessionId } }`,
					map[string]any{"t": pair.access}, &struct{}{})
				switch problem {
				case "":
				case string(auth.CodeRateLimited):
					refused++
				default:
					t.Fatal(problem)
				}
				pair = s.mustRefresh(pair.refresh)
			}
			const most = 30 + rounds/5 + 1
			for _, rows := range []string{`blacklisted_tokens`, `security_events WHERE kind = 'token_blacklisted'`} {
				if n := s.number(`SELECT count(*) FROM ` + rows); n < 30 || n > most || n+int64(refused) != rounds {
					t.Errorf("%d rows in %s with %d calls refused of %d, want at most %d", n, rows, refused, rounds, most)
				}
			}
		})
	}
}

const keysAdded = "key_added key_added key_added" // at the first start

// A refresh and its retry write no event: they are one statement and one commit.
// Many requests that present an old token write one event.
func TestJournal_refresh(t *testing.T) {
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			s := newStack(t, e, nil)
			first := s.signUp("ada@example.com").refresh
			token := first
			for _, d := range append(transports(), transports()...) {
				out := d.refresh(s, token, "a-key-of-16-and-more"+d.name+token[len(token)-8:])
				if out.problem != "" {
					t.Fatal(out.problem)
				}
				token = out.refresh
			}
			if got := s.kinds(); got != keysAdded+" sign_up" {
				t.Errorf("the journal has %s", got)
			}
			s.advance(s.app.cfg.ReuseWindow*2 + time.Second) // after that, no burst explains an old token
			var left sync.WaitGroup
			for range 4 {
				for _, d := range transports() {
					left.Go(func() { d.refresh(s, first, "") })
				}
			}
			left.Wait()
			if got := s.kinds(); got != keysAdded+" refresh_reuse sign_up" {
				t.Errorf("the journal has %s", got)
			}
		})
	}
}

// A change that cannot be recorded in the journal is not made. A failure is
// reported in any case.
func TestJournal_lost(t *testing.T) {
	for _, e := range engines()[:2] {
		t.Run(e.name, func(t *testing.T) {
			s := newStack(t, e, nil)
			pair := s.signUp("ada@example.com")
			s.exec(`ALTER TABLE security_events RENAME TO away`)
			var data any
			login := func(password string) string {
				return s.graphql("", `mutation($p: String!) { login(input: {email: "ada@example.com", password: $p}) { token } }`, map[string]any{"p": password}, &data)
			}
			if got := login("wrong horse"); got != "INVALID_CREDENTIALS" {
				t.Errorf("a failed login: %s", got)
			}
			if n := s.log.count("journal_lost"); n != 1 {
				t.Errorf("%d events are reported as lost", n)
			}
			if n := strings.Count(s.log.String(), "recording an event in the journal failed"); n != 1 {
				t.Errorf("%d lines have the cause", n)
			}
			sessions := s.number(`SELECT count(*) FROM sessions`)
			if got := login(goodPassword); got != "INTERNAL" || s.number(`SELECT count(*) FROM sessions`) != sessions {
				t.Errorf("a login: %s", got)
			}
			if got := s.graphql(pair.access, `mutation { logout(scope: ALL) }`, nil, &data); got != "INTERNAL" || s.access(pair.access) != "" {
				t.Errorf("a logout: %s", got)
			}
			if out := refreshGraphQL(s, pair.refresh, ""); out.problem != "" {
				t.Errorf("a refresh: %s", out.problem)
			}
			s.exec(`ALTER TABLE away RENAME TO security_events`)
			if got := login(goodPassword); got != "" {
				t.Errorf("afterwards: %s", got)
			}
		})
	}
}

// The journal records the actor of each change, and the user can see it.
func TestJournal_actors(t *testing.T) {
	s := newStack(t, engines()[0], nil)
	ctx := auth.WithClient(t.Context(), auth.Operator("grace"))
	grace := auth.Operator("grace")
	s.signUp("ada@example.com")
	if _, err := s.app.core.DisableUser(ctx, "ada@example.com", grace); err != nil {
		t.Fatal(err)
	}
	if err := s.app.core.EnableUser(ctx, "ada@example.com", grace); err != nil {
		t.Fatal(err)
	}
	s.login("ada@example.com")
	if _, err := s.app.core.EndAllSessions(ctx, time.Time{}, grace, nil); err != nil {
		t.Fatal(err)
	}
	_, key, err := s.app.streams.keys.Create(ctx, "orders", []auth.Scope{auth.ScopeRevoke})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.app.streams.keys.Revoke(ctx, key.Prefix); err != nil {
		t.Fatal(err)
	}
	if _, err := s.app.ring.Rotate(ctx, auth.KeyAccess); err != nil {
		t.Fatal(err)
	}
	rows, err := s.app.store.Recorded(ctx, auth.JournalQuery{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	actors := map[string][]string{}
	for _, row := range rows {
		actors[row.Client.Actor] = append(actors[row.Client.Actor], string(row.Kind))
	}
	for actor, want := range map[string]int{"client": 2, "cli:grace": 7, "system": 3} {
		if len(actors[actor]) != want {
			t.Errorf("%s did %v, want %d", actor, actors[actor], want)
		}
	}
}
