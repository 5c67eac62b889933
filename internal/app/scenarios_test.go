package app

import (
	"fmt"
	"testing"
	"time"

	"rekey/internal/auth"
)

// wording returns the text of an outcome at a transport.
func wording(d transport, reason string) string {
	if d.name == "GraphQL" {
		return reason
	}
	switch reason {
	case "SESSION_MISSING":
		return "500 auth token not found"
	case "BAD_USER_INPUT idempotencyKey":
		return "400 idempotency key must be 16 to 128 visible ASCII characters"
	}
	return "500 token is blacklisted"
}

// play is one scenario on one engine through one transport.
type play struct {
	*stack
	d transport
}

func (p play) rotate(token, key string) tokens {
	p.t.Helper()
	out := p.d.refresh(p.stack, token, key)
	if out.problem != "" {
		p.t.Fatalf("refresh: %s", out.problem)
	}
	return out.tokens
}

func (p play) refused(token, key, reason string) {
	p.t.Helper()
	want := wording(p.d, reason)
	if reason == "SESSION_MISSING" && p.d.name == "GraphQL" {
		want = "SESSION_UNKNOWN"
	}
	if out := p.d.refresh(p.stack, token, key); out.problem != want {
		p.t.Fatalf("refresh: %q, want %q", out.problem, want)
	}
}

func (p play) accessIs(token, problem string) {
	p.t.Helper()
	if got := p.access(token); got != problem {
		p.t.Fatalf("access: %q, want %q", got, problem)
	}
}

func (p play) events(kind string, want int) {
	p.t.Helper()
	if got := p.log.count(kind); got != want {
		p.t.Errorf("%d events %s, want %d", got, kind, want)
	}
}

func (p play) generation(want int64) {
	p.t.Helper()
	if got := p.number(`SELECT generation FROM sessions`); got != want {
		p.t.Errorf("generation %d, want %d", got, want)
	}
}

const key1, key2 = "idempotency-key-1", "idempotency-key-2"

type scenario struct {
	settings map[string]string
	run      func(p play)
}

// scenarios holds the decision table of a refresh, one row each. Every row runs
// through both transports on every engine, which proves that the transports are
// thin.
func scenarios() map[string]scenario {
	return map[string]scenario{
		"current: a new pair, the old one blacklisted, its access token after the overlap": {run: func(p play) {
			t0 := p.signUp("ada@example.com")
			t1 := p.rotate(t0.refresh, "")
			p.generation(2)
			if t1.access == t0.access || t1.refresh == t0.refresh {
				p.t.Fatal("the pair is not new")
			}
			p.accessIs(t0.access, "")
			p.accessIs(t1.access, "")
			p.advance(10*time.Second + time.Millisecond)
			p.accessIs(t0.access, "TOKEN_BLACKLISTED")
			p.accessIs(t1.access, "")
			p.events("refresh", 1)
		}},
		"parent with the key: the same pair again, nothing extended": {run: func(p play) {
			t0 := p.signUp("ada@example.com")
			t1 := p.rotate(t0.refresh, key1)
			before := p.number(`SELECT rotated_at + last_seen_at + refresh_expires_at + issued_at FROM sessions`)
			for _, after := range []time.Duration{0, 5 * time.Second, 10 * time.Minute, 23 * time.Hour} {
				p.advance(after)
				if again := p.rotate(t0.refresh, key1); again != t1 {
					p.t.Fatalf("after %s: another pair", after)
				}
			}
			p.generation(2)
			if after := p.number(`SELECT rotated_at + last_seen_at + refresh_expires_at + issued_at FROM sessions`); after != before {
				p.t.Error("a repeat wrote something")
			}
			p.events("refresh_retry", 4)
			p.events("refresh", 1)
		}},
		"parent with the key, after RETRY_TTL: reuse": {run: func(p play) {
			t0 := p.signUp("ada@example.com")
			p.rotate(t0.refresh, key1)
			p.advance(24*time.Hour + time.Second)
			p.refused(t0.refresh, key1, "TOKEN_REUSED")
		}},
		"parent with the key, once the child is rotated: a race, then reuse": {run: func(p play) {
			t0 := p.signUp("ada@example.com")
			t1 := p.rotate(t0.refresh, key1)
			t2 := p.rotate(t1.refresh, key2)
			p.refused(t0.refresh, key1, "TOKEN_BLACKLISTED")
			p.accessIs(t2.access, "")
			p.advance(20*time.Second + time.Millisecond)
			p.refused(t0.refresh, key1, "TOKEN_REUSED")
			p.accessIs(t2.access, "SESSION_REVOKED")
		}},
		"parent with the key, session ended: never again": {run: func(p play) {
			t0 := p.signUp("ada@example.com")
			t1 := p.rotate(t0.refresh, key1)
			p.logout(t1.access)
			p.refused(t0.refresh, key1, "SESSION_REVOKED")
			p.refused(t1.refresh, "", "SESSION_REVOKED")
		}},
		"parent with another key, in the window: a race, nothing ended": {run: func(p play) {
			t0 := p.signUp("ada@example.com")
			t1 := p.rotate(t0.refresh, key1)
			p.refused(t0.refresh, key2, "TOKEN_BLACKLISTED")
			p.refused(t0.refresh, "", "TOKEN_BLACKLISTED")
			p.accessIs(t1.access, "")
			p.rotate(t1.refresh, "")
			p.events("refresh_race", 2)
			p.events("refresh_reuse", 0)
		}},
		"a key equal to the previous rotation's counts as none": {run: func(p play) {
			t0 := p.signUp("ada@example.com")
			t1 := p.rotate(t0.refresh, key1)
			t2 := p.rotate(t1.refresh, key1)
			p.refused(t1.refresh, key1, "TOKEN_BLACKLISTED")
			p.accessIs(t2.access, "")
		}},
		"parent without key, at the ends of the window": {run: func(p play) {
			t0 := p.signUp("ada@example.com")
			t1 := p.rotate(t0.refresh, "")
			p.advance(10 * time.Second)
			p.refused(t0.refresh, "", "TOKEN_BLACKLISTED")
			p.accessIs(t1.access, "")
			p.advance(time.Millisecond)
			p.refused(t0.refresh, "", "TOKEN_REUSED")
			p.accessIs(t1.access, "SESSION_REVOKED")
			p.refused(t1.refresh, "", "SESSION_REVOKED")
			p.refused(t0.refresh, "", "SESSION_REVOKED")
			p.events("refresh_reuse", 1)
		}},
		"the database's clock decides the window, not the replica's": {run: func(p play) {
			t0 := p.signUp("ada@example.com")
			p.rotate(t0.refresh, "")
			p.advanceReplica(25 * time.Second)
			p.refused(t0.refresh, "", "TOKEN_BLACKLISTED")
			p.advanceReplica(-50 * time.Second)
			p.refused(t0.refresh, "", "TOKEN_BLACKLISTED")
		}},
		"replays do not extend the window": {settings: map[string]string{"REUSE_ACTION": "reject"}, run: func(p play) {
			t0 := p.signUp("ada@example.com")
			p.rotate(t0.refresh, "")
			for range 2 { // at 5 s and 10 s
				p.advance(5 * time.Second)
				p.refused(t0.refresh, "", "TOKEN_BLACKLISTED")
			}
			for range 8 {
				p.advance(5 * time.Second)
				p.refused(t0.refresh, "", "TOKEN_REUSED")
			}
		}},
		"a grace: the same pair without a key, then a race, then reuse": {settings: map[string]string{"REFRESH_GRACE": "4s", "REFRESH_GRACE_REST": "4s"}, run: func(p play) {
			t0 := p.signUp("ada@example.com")
			t1 := p.rotate(t0.refresh, "")
			p.advance(4 * time.Second)
			if again := p.rotate(t0.refresh, ""); again != t1 {
				p.t.Fatal("another pair")
			}
			p.advance(time.Second)
			p.refused(t0.refresh, "", "TOKEN_BLACKLISTED")
			p.advance(6 * time.Second)
			p.refused(t0.refresh, "", "TOKEN_REUSED")
		}},
		"older than the parent, replaced before the burst: reuse": {run: func(p play) {
			t0 := p.signUp("ada@example.com")
			p.advance(time.Minute)
			t1 := p.rotate(t0.refresh, "")
			p.advance(20*time.Second + time.Millisecond)
			t2 := p.rotate(t1.refresh, "")
			p.refused(t0.refresh, "", "TOKEN_REUSED")
			p.accessIs(t2.access, "SESSION_REVOKED")
			p.accessIs(t0.access, "SESSION_REVOKED")
			p.events("refresh_reuse", 1)
		}},
		"REUSE_ACTION=reject: refused and recorded, nothing ended": {settings: map[string]string{"REUSE_ACTION": "reject"}, run: func(p play) {
			t0 := p.signUp("ada@example.com")
			p.advance(time.Minute)
			t1 := p.rotate(t0.refresh, "")
			p.advance(time.Minute)
			t2 := p.rotate(t1.refresh, "")
			p.refused(t0.refresh, "", "TOKEN_REUSED")
			p.accessIs(t2.access, "")
			p.rotate(t2.refresh, "")
			p.events("refresh_reuse", 1)
		}},
		"twenty rotations within a second: every ancestor is known as one": {settings: map[string]string{"REUSE_ACTION": "reject"}, run: func(p play) {
			line := []tokens{p.signUp("ada@example.com")}
			for i := range 20 {
				line = append(line, p.rotate(line[i].refresh, ""))
			}
			p.advance(time.Minute)
			for _, ancestor := range line[:20] {
				p.refused(ancestor.refresh, "", "TOKEN_REUSED")
			}
			p.rotate(line[20].refresh, "")
		}},
		"a thousand rotations: one row, the first ancestor still known": {run: func(p play) {
			first := p.signUp("ada@example.com")
			last := first
			for range 1000 {
				last = p.rotate(last.refresh, "")
			}
			p.advance(time.Minute)
			if n := p.number(`SELECT count(*) FROM sessions`); n != 1 {
				p.t.Errorf("%d rows", n)
			}
			p.refused(first.refresh, "", "TOKEN_REUSED")
		}},
		"newer than the row knows: the database lost a write, nothing ended": {run: func(p play) {
			t0 := p.signUp("ada@example.com")
			p.exec(`CREATE TABLE backup AS SELECT * FROM sessions`)
			p.advance(5 * time.Second)
			t1 := p.rotate(t0.refresh, "")
			p.exec(`DELETE FROM sessions`)
			p.exec(`INSERT INTO sessions SELECT * FROM backup`)
			p.refused(t1.refresh, "", "SESSION_UNKNOWN")
			p.accessIs(t1.access, "SESSION_UNKNOWN")
			p.rotate(t0.refresh, "")
			p.events("refresh_rollback", 1)
			p.events("refresh_reuse", 0)
		}},
		"session unknown": {run: func(p play) {
			t0 := p.signUp("ada@example.com")
			p.exec(`DELETE FROM sessions`)
			p.refused(t0.refresh, "", "SESSION_MISSING")
			p.accessIs(t0.access, "SESSION_UNKNOWN")
		}},
		"session of another user": {run: func(p play) {
			t0 := p.signUp("ada@example.com")
			p.signUp("eve@example.com")
			p.exec(`UPDATE sessions SET user_id = (SELECT id FROM users WHERE email = 'eve@example.com')`)
			p.refused(t0.refresh, "", "SESSION_MISSING")
			p.accessIs(t0.access, "SESSION_UNKNOWN")
		}},
		"user disabled, and enabled again": {run: func(p play) {
			t0 := p.signUp("ada@example.com")
			if _, err := p.app.core.DisableUser(p.t.Context(), "ada@example.com", operator()); err != nil {
				p.t.Fatal(err)
			}
			p.refused(t0.refresh, "", "USER_DISABLED")
			p.accessIs(t0.access, "USER_DISABLED")
			if err := p.app.core.EnableUser(p.t.Context(), "ada@example.com", operator()); err != nil {
				p.t.Fatal(err)
			}
			p.refused(t0.refresh, "", "SESSION_REVOKED")
			p.rotate(p.login("ada@example.com").refresh, "")
		}},
		"unused for REFRESH_TTL": {settings: map[string]string{"REFRESH_TTL": "1h", "CLOCK_LEEWAY": "0s"}, run: func(p play) {
			t0 := p.signUp("ada@example.com")
			p.advance(time.Hour - 2*time.Second)
			t1 := p.rotate(t0.refresh, "")
			p.advance(time.Hour)
			if out := p.d.refresh(p.stack, t1.refresh, ""); out.problem != "TOKEN_EXPIRED" && out.problem != "401 invalid or expired jwt, internal=token is expired by 0s" {
				p.t.Fatalf("refresh: %q", out.problem)
			}
		}},
		"absolute end: no token outlives it, however often it is refreshed": {settings: map[string]string{"SESSION_TTL": "40m", "REFRESH_TTL": "30m"}, run: func(p play) {
			line := []tokens{p.signUp("ada@example.com")}
			end := p.clock().Truncate(time.Second).Add(40 * time.Minute)
			for i := range 3 {
				p.advance(12 * time.Minute)
				line = append(line, p.rotate(line[i].refresh, ""))
			}
			for _, token := range []string{line[3].access, line[3].refresh} {
				if exp := expiry(p.t, token); !exp.Equal(end) {
					p.t.Errorf("exp %s, want the session's end %s", exp, end)
				}
			}
		}},
		"a failed refresh consumes nothing": {run: func(p play) {
			t0 := p.signUp("ada@example.com")
			p.refused(t0.refresh, "too short", "BAD_USER_INPUT idempotencyKey")
			p.refused(t0.refresh, "not visible ASCII ", "BAD_USER_INPUT idempotencyKey")
			p.generation(1)
			p.rotate(t0.refresh, "")
		}},
		"refresh token blacklisted singly: neither it nor its parent's retry yields a token": {run: func(p play) {
			t0 := p.signUp("ada@example.com")
			t1 := p.rotate(t0.refresh, key1)
			p.blacklist(t1.access, t1.refresh)
			p.refused(t1.refresh, "", "TOKEN_BLACKLISTED")
			p.refused(t0.refresh, key1, "TOKEN_BLACKLISTED")
			p.accessIs(t1.access, "")
		}},
		"the parent blacklisted singly: no retry, the child goes on": {settings: map[string]string{"REFRESH_GRACE": "5s", "REFRESH_GRACE_REST": "5s"}, run: func(p play) {
			t0 := p.signUp("ada@example.com")
			t1 := p.rotate(t0.refresh, key1)
			p.blacklist(t1.access, t0.refresh)
			p.refused(t0.refresh, key1, "TOKEN_BLACKLISTED")
			p.refused(t0.refresh, "", "TOKEN_BLACKLISTED")
			t2 := p.rotate(t1.refresh, key2)
			if again := p.rotate(t1.refresh, key2); again != t2 {
				p.t.Fatal("another pair")
			}
		}},
		"access token blacklisted singly: it alone": {run: func(p play) {
			t0 := p.signUp("ada@example.com")
			t1 := p.rotate(t0.refresh, "")
			p.accessIs(t0.access, "")
			p.blacklist(t1.access, t0.access)
			p.accessIs(t0.access, "TOKEN_BLACKLISTED")
			p.blacklist(t1.access, t1.access)
			p.accessIs(t1.access, "TOKEN_BLACKLISTED")
			p.rotate(t1.refresh, "")
		}},
		"ACCESS_TTL lowered: older access tokens end with it": {run: func(p play) {
			t0 := p.signUp("ada@example.com")
			lowered := p.ports.options
			lowered.AccessTTL = time.Minute
			core, err := auth.New(lowered)
			if err != nil {
				p.t.Fatal(err)
			}
			p.advance(time.Minute)
			_, err = core.Authenticate(p.t.Context(), t0.access, operator())
			if got := auth.AsError(err); got == nil || got.Reason != auth.ReasonTokenExpired {
				p.t.Fatalf("access: %v", err)
			}
		}},
		"two logins are two sessions": {run: func(p play) {
			phone, laptop := p.signUp("ada@example.com"), p.login("ada@example.com")
			p.rotate(phone.refresh, "")
			p.logout(phone.access)
			p.rotate(laptop.refresh, "")
			p.refused(phone.refresh, "", "SESSION_REVOKED")
		}},
	}
}

func TestRefresh_scenarios(t *testing.T) {
	for name, sc := range scenarios() {
		for _, e := range engines() {
			for _, d := range transports() {
				t.Run(fmt.Sprintf("%s/%s/%s", name, e.name, d.name), func(t *testing.T) {
					t.Parallel()
					sc.run(play{newStack(t, e, sc.settings), d})
				})
			}
		}
	}
}
