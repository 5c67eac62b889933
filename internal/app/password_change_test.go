package app

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"testing"
	"time"

	"rekey/internal/auth"
)

const (
	betterPassword = "another fine horse"
	changeKey      = "a-key-for-one-change-of-the-password"
)

// changed is the answer to a change of the password.
type changed struct {
	tokens
	ended   int
	problem string // "" or a reason, or a code
}

// changePassword changes the password from goodPassword.
func (s *stack) changePassword(access, next, key string) changed {
	s.t.Helper()
	s.sent(key)
	vars := map[string]any{"old": goodPassword, "new": next}
	if key != "" {
		vars["k"] = key
	}
	var data struct {
		ChangePassword struct {
			SessionsEnded int
			Tokens        struct{ Token, RefreshToken string }
		}
	}
	problem := s.graphql(access, `mutation($old: String!, $new: String!, $k: String) {
		changePassword(input: {currentPassword: $old, newPassword: $new}, idempotencyKey: $k) { sessionsEnded tokens { token refreshToken } } }`, vars, &data)
	c := data.ChangePassword
	return changed{tokens{c.Tokens.Token, c.Tokens.RefreshToken}, c.SessionsEnded, problem}
}

func (s *stack) mustChange(access, key string) changed {
	s.t.Helper()
	c := s.changePassword(access, betterPassword, key)
	if c.problem != "" {
		s.t.Fatalf("changePassword: %s", c.problem)
	}
	return c
}

// refuses fails unless the pair is refused everywhere.
func (s *stack) refuses(p tokens, problem, key string) {
	s.t.Helper()
	if got := s.access(p.access); got != problem {
		s.t.Errorf("the access token: %q, want %q", got, problem)
	}
	if got := refreshGraphQL(s, p.refresh, key).problem; got != problem {
		s.t.Errorf("the refresh token: %q, want %q", got, problem)
	}
}

func (s *stack) accepts(p tokens) tokens {
	s.t.Helper()
	if got := s.access(p.access); got != "" {
		s.t.Errorf("the access token: %s", got)
	}
	return s.mustRefresh(p.refresh)
}

// passwordChanges returns cases, each with a pair of the session that changes the
// password.
func passwordChanges() map[string]func(s *stack, p tokens) {
	return map[string]func(s *stack, p tokens){
		"the old pair is refused at once, with a key and within a grace": func(s *stack, p tokens) {
			if got := s.access(p.access); got != "" {
				s.t.Fatal(got) // it is cached
			}
			next := s.mustChange(p.access, changeKey)
			s.refuses(p, "TOKEN_BLACKLISTED", "")
			s.refuses(p, "TOKEN_BLACKLISTED", changeKey)
			if n := s.log.count("refresh_race"); n != 2 {
				s.t.Errorf("%d races", n)
			}
			s.accepts(next.tokens)
		},
		"the old refresh token after the window is reuse": func(s *stack, p tokens) {
			next := s.mustChange(p.access, changeKey)
			s.advance(s.app.cfg.ReuseWindow + time.Second)
			if got := refreshGraphQL(s, p.refresh, changeKey).problem; got != "TOKEN_REUSED" {
				s.t.Error(got)
			}
			s.refuses(next.tokens, "SESSION_REVOKED", "")
		},
		"the same request gets the same answer": func(s *stack, p tokens) {
			other := s.login("ada@example.com")
			next := s.mustChange(p.access, changeKey)
			if next.ended != 1 {
				s.t.Errorf("%d sessions ended", next.ended)
			}
			s.refuses(other, "SESSION_REVOKED", "")
			for _, later := range []time.Duration{0, time.Minute, time.Hour} { // the access token has expired then
				s.advance(later)
				if again := s.changePassword(p.access, betterPassword, changeKey); again != next {
					s.t.Errorf("after %s: %+v, want %+v", later, again, next)
				}
			}
			if n := s.number(`SELECT count(*) FROM security_events WHERE kind = 'password_changed'`); n != 1 {
				s.t.Errorf("%d events", n)
			}
			if n := s.number(`SELECT max(generation) FROM sessions`); n != 2 {
				s.t.Errorf("generation %d", n)
			}
			next.tokens = s.mustRefresh(next.refresh)
			if again := s.changePassword(p.access, betterPassword, changeKey).problem; again != "TOKEN_EXPIRED" {
				s.t.Errorf("after a refresh: %q", again)
			}
		},
		"another request gets nothing": func(s *stack, p tokens) {
			next := s.mustChange(p.access, changeKey)
			for what, c := range map[string]changed{
				"no key":           s.changePassword(p.access, betterPassword, ""),
				"another key":      s.changePassword(p.access, betterPassword, changeKey+"2"),
				"another password": s.changePassword(p.access, "a horse of courses", changeKey),
			} {
				if c.problem != "TOKEN_BLACKLISTED" {
					s.t.Errorf("%s: %+v", what, c)
				}
			}
			if n := s.log.count("password_change_failed"); n != 1 {
				s.t.Errorf("%d failures", n)
			}
			s.advance(s.app.cfg.RetryTTL + time.Second)
			if got := s.changePassword(p.access, betterPassword, changeKey).problem; got != "TOKEN_EXPIRED" {
				s.t.Errorf("after RETRY_TTL: %q", got)
			}
			s.mustRefresh(next.refresh)
		},
		"without a key, nothing is repeated": func(s *stack, p tokens) {
			next := s.mustChange(p.access, "")
			for _, key := range []string{"", changeKey} {
				if got := s.changePassword(p.access, betterPassword, key).problem; got != "TOKEN_BLACKLISTED" {
					s.t.Errorf("key %q: %q", key, got)
				}
			}
			s.accepts(next.tokens)
		},
		"an ended session repeats nothing": func(s *stack, p tokens) {
			next := s.mustChange(p.access, changeKey)
			s.logout(next.access)
			if got := s.changePassword(p.access, betterPassword, changeKey).problem; got != "SESSION_REVOKED" {
				s.t.Error(got)
			}
		},
		"a wrong password changes nothing": func(s *stack, p tokens) {
			var data any
			problem := s.graphql(p.access, `mutation { changePassword(input: {currentPassword: "a wrong horse", newPassword: "`+betterPassword+`"}) { sessionsEnded } }`, nil, &data)
			if problem != "BAD_USER_INPUT currentPassword" {
				s.t.Error(problem)
			}
			s.accepts(p)
		},
		"the token of a pair that another tab has just replaced": func(s *stack, p tokens) {
			tab := s.mustRefresh(p.refresh)
			next := s.mustChange(p.access, changeKey) // within the overlap
			s.refuses(p, "TOKEN_BLACKLISTED", "")
			s.refuses(tab, "TOKEN_BLACKLISTED", "")
			if again := s.changePassword(p.access, betterPassword, changeKey); again != next {
				s.t.Errorf("%+v, want %+v", again, next)
			}
			s.accepts(next.tokens)
		},
		"a blacklisted refresh token": func(s *stack, p tokens) {
			s.blacklist(p.access, p.refresh)
			next := s.mustChange(p.access, changeKey)
			s.refuses(p, "TOKEN_BLACKLISTED", "")
			s.accepts(next.tokens)
		},
		"copies of one request at the same time": func(s *stack, p tokens) {
			answers := make([]changed, 4)
			var wg sync.WaitGroup
			for i := range answers {
				wg.Go(func() { answers[i] = s.changePassword(p.access, betterPassword, changeKey) })
			}
			wg.Wait()
			for _, a := range answers {
				if a != answers[0] || a.problem != "" {
					s.t.Errorf("%+v, want %+v", a, answers[0])
				}
			}
			s.accepts(answers[0].tokens)
		},
		"a refresh at the same time": func(s *stack, p tokens) {
			var out outcome
			var c changed
			var wg sync.WaitGroup
			wg.Go(func() { out = refreshGraphQL(s, p.refresh, "") })
			wg.Go(func() { c = s.changePassword(p.access, betterPassword, "") })
			wg.Wait()
			if c.problem != "" || out.problem != "" && out.problem != "TOKEN_BLACKLISTED" {
				s.t.Fatalf("change: %q, refresh: %q", c.problem, out.problem)
			}
			if out.problem == "" {
				s.refuses(out.tokens, "TOKEN_BLACKLISTED", "")
			}
			s.accepts(c.tokens)
		},
	}
}

func TestChangePassword(t *testing.T) {
	for _, e := range engines() {
		for name, run := range passwordChanges() {
			t.Run(e.name+"/"+name, func(t *testing.T) {
				s := newStack(t, e, map[string]string{"REFRESH_GRACE": "10s", "REFRESH_GRACE_REST": "10s"})
				p := s.signUp("ada@example.com")
				s.advance(time.Second)
				run(s, p)
			})
		}
	}
}

// lostChange is a store whose changes of passwords are committed without an answer.
type lostChange struct{ auth.Store }

func (l lostChange) EndOtherSessions(
	ctx context.Context, change auth.EndSessions, own auth.Rotation, e *auth.Event,
) (auth.SessionState, []string, error) {
	if _, _, err := l.Store.EndOtherSessions(ctx, change, own, e); err != nil {
		return auth.SessionState{}, nil, err
	}
	return auth.SessionState{}, nil, cut()
}

// TestChangePassword_answerLost: a change whose commit was not acknowledged by the
// database is found in its row, with and without a key.
func TestChangePassword_answerLost(t *testing.T) {
	for _, key := range []string{"", changeKey} {
		s := newStack(t, engines()[0], nil)
		p := s.signUp("ada@example.com")
		s.login("ada@example.com")
		s.ports.store.Store = lostChange{s.ports.store.Store}
		c := s.mustChange(p.access, key)
		if c.ended != 1 {
			t.Errorf("%d sessions ended", c.ended)
		}
		s.accepts(c.tokens)
	}
}

// TestChangePassword_followers: followers of the blacklist refuse the old access
// token at once, and the stream of its holder ends.
func TestChangePassword_followers(t *testing.T) {
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			s := newStack(t, e, nil)
			s.keepPosted(fast)
			key := s.apiKey("orders")
			r := s.resourceServer(key, "")
			first := r.receive("")
			p := s.signUp("ada@example.com")
			own := s.followSocket(bearer(p.access), `subscription { sessionEvents { kind } }`, nil)
			s.awaitFollowers(1)
			s.advance(2 * time.Second)
			next := s.mustChange(p.access, "")
			e := r.receive("password_change")
			if e.Kind != "ROTATED" || !e.EffectiveAt.Equal(e.At) {
				t.Errorf("%+v", e)
			}
			r.agrees(s, p.access, next.access)
			late := s.resourceServer(key, first.At.UTC().Format(time.RFC3339Nano))
			late.receive("")
			late.agrees(s, p.access, next.access)
			var event json.RawMessage
			own.next(&event)
			own.ends("TOKEN_BLACKLISTED", 4403)
		})
	}
}

// TestCookie_changePassword: in cookie mode, the new refresh token is in the cookie.
func TestCookie_changePassword(t *testing.T) {
	b := newBrowser(t, nil)
	pair := b.send(signUpDocument)
	old := b.cookie
	got := b.send(`mutation { changePassword(input: {currentPassword: "`+goodPassword+`", newPassword: "`+betterPassword+`"}) { tokens { token refreshToken } } }`,
		"Authorization", "Bearer "+pair.payload.Token)
	if got.status != http.StatusOK || b.cookie == old || b.cookie == "" {
		t.Fatalf("%d, cookie changed: %v", got.status, b.cookie != old)
	}
	b.checkKept(b.send(refreshDocument), 30*24*time.Hour)
	if n := b.number(`SELECT count(*) FROM sessions WHERE revoked_at IS NOT NULL`); n != 0 {
		t.Errorf("%d sessions were revoked", n)
	}
}
