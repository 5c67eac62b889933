package app

import (
	"fmt"
	"testing"
	"time"
)

// foreigners has the cases in which a used token comes from the rotation's
// client, or from another one.
func foreigners() map[string]scenario {
	return map[string]scenario{
		"a repeat from the rotation's client leaves no trace": {run: func(p play) {
			t0 := p.signUp("ada@example.com")
			p.rotate(t0.refresh, key1)
			p.rotate(t0.refresh, key1)
			p.journaled("refresh_repeated", 0)
			p.events("refresh_retry", 1)
		}},
		"a repeat from another agent": {run: func(p play) {
			t0 := p.signUp("ada@example.com")
			t1 := p.rotate(t0.refresh, key1)
			p.exec(`UPDATE sessions SET user_agent = 'another'`)
			before := p.number(`SELECT rotated_at + last_seen_at + refresh_expires_at + issued_at FROM sessions`)
			p.advance(time.Hour)
			if again := p.rotate(t0.refresh, key1); again != t1 {
				p.t.Error("another pair")
			}
			if after := p.number(`SELECT rotated_at + last_seen_at + refresh_expires_at + issued_at FROM sessions WHERE user_agent = 'another'`); after != before {
				p.t.Error("a repeat wrote to its session")
			}
			p.journaled("refresh_repeated", 1)
			p.events("refresh_retry", 1)
		}},
		"a repeat from another address": {run: func(p play) {
			t0 := p.signUp("ada@example.com")
			p.rotate(t0.refresh, key1)
			p.exec(`UPDATE sessions SET ip_address = '203.0.113.9'`)
			p.rotate(t0.refresh, key1)
			p.journaled("refresh_repeated", 1)
		}},
		"many repeats are sampled": {settings: map[string]string{"RATE_LIMITS": "on"}, run: func(p play) {
			t0 := p.signUp("ada@example.com")
			p.rotate(t0.refresh, key1)
			p.exec(`UPDATE sessions SET user_agent = 'another'`)
			for range 25 {
				p.rotate(t0.refresh, key1)
			}
			p.journaled("refresh_repeated", 20)
			p.events("refresh_repeated", 25)
		}},
		"a race from the rotation's client": {run: func(p play) {
			p.race(``)
			p.journaled("refresh_race", 1)
			p.journaled("refresh_race_foreign", 0)
		}},
		"a race from another agent": {run: func(p play) {
			p.race(`UPDATE sessions SET user_agent = 'another'`)
			p.journaled("refresh_race_foreign", 1)
			p.journaled("refresh_race", 0)
		}},
		"a race from another network": {run: func(p play) {
			p.race(`UPDATE sessions SET ip_address = '203.0.113.9'`)
			p.journaled("refresh_race_foreign", 1)
		}},
	}
}

// race rotates, changes the client of the rotation, and presents the old token.
// Nothing is revoked.
func (p play) race(change string) {
	p.t.Helper()
	t0 := p.signUp("ada@example.com")
	t1 := p.rotate(t0.refresh, "")
	if change != "" {
		p.exec(change)
	}
	p.refused(t0.refresh, "", "TOKEN_BLACKLISTED")
	p.accessIs(t1.access, "")
	p.events("refresh_reuse", 0)
}

// journaled checks how many events of a kind the journal has.
func (p play) journaled(kind string, want int64) {
	p.t.Helper()
	if got := p.number(fmt.Sprintf(`SELECT count(*) FROM security_events WHERE kind = '%s'`, kind)); got != want {
		p.t.Errorf("the journal has %d events %s, want %d", got, kind, want)
	}
}

func TestRefresh_foreign(t *testing.T) {
	for name, sc := range foreigners() {
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
