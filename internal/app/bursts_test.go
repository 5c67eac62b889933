package app

import (
	"fmt"
	"testing"
	"time"
)

// bursts has the rows of the decision table for tokens that honest clients, or a
// thief, present after several rotations.
func bursts() map[string]scenario {
	return map[string]scenario{
		"several rotations within a moment: every ancestor is a race": {run: func(p play) {
			line := p.line(20, 0)
			for _, ancestor := range line[:20] {
				p.refused(ancestor.refresh, "", "TOKEN_BLACKLISTED")
				p.refused(ancestor.refresh, key1, "TOKEN_BLACKLISTED")
			}
			p.accessIs(line[20].access, "")
			p.accessIs(line[19].access, "") // the parent's, in the overlap
			p.accessIs(line[18].access, "TOKEN_BLACKLISTED")
			p.rotate(line[20].refresh, "")
			p.events("refresh_race", 40)
			p.events("refresh_reuse", 0)
		}},
		"a key and a grace are for the parent alone": {settings: map[string]string{"REFRESH_GRACE": "4s", "REFRESH_GRACE_REST": "4s"}, run: func(p play) {
			t0 := p.signUp("ada@example.com")
			t1 := p.rotate(t0.refresh, key1)
			t2 := p.rotate(t1.refresh, key2)
			p.refused(t0.refresh, key1, "TOKEN_BLACKLISTED")
			p.refused(t0.refresh, "", "TOKEN_BLACKLISTED")
			if again := p.rotate(t1.refresh, ""); again != t2 {
				p.t.Error("the parent got another pair")
			}
		}},
		"a race for one window after the replacement, wherever in a run it was": {run: func(p play) {
			p.advance(time.Second)
			line := p.line(2, 9*time.Second) // the second is replaced at 9 s
			p.advance(2 * time.Second)
			next := p.rotate(line[2].refresh, "") // at 11 s: a new run
			p.advance(8 * time.Second)            // 10 s after the second was replaced
			p.refused(line[1].refresh, "", "TOKEN_BLACKLISTED")
			p.accessIs(next.access, "")
		}},
		"reuse after two windows": {run: func(p play) {
			line := p.line(2, time.Second)
			p.advance(19 * time.Second)
			p.refused(line[0].refresh, "", "TOKEN_BLACKLISTED")
			p.advance(time.Millisecond)
			p.refused(line[0].refresh, "", "TOKEN_REUSED")
			p.accessIs(line[2].access, "SESSION_REVOKED")
			p.events("refresh_reuse", 1)
		}},
		"replays do not extend a run": {settings: map[string]string{"REUSE_ACTION": "reject"}, run: func(p play) {
			line := p.line(2, time.Second)
			for range 3 { // at 7, 13 and 19 s
				p.advance(6 * time.Second)
				p.refused(line[0].refresh, "", "TOKEN_BLACKLISTED")
			}
			p.advance(6 * time.Second)
			p.refused(line[0].refresh, "", "TOKEN_REUSED")
		}},
		"rotations do not extend a run: a thief who refreshes every nine seconds is caught": {run: func(p play) {
			stolen := p.signUp("ada@example.com")
			p.advance(time.Minute)
			thief := p.rotate(stolen.refresh, "")
			for range 5 {
				p.advance(9 * time.Second)
				thief = p.rotate(thief.refresh, "")
			}
			p.refused(stolen.refresh, "", "TOKEN_REUSED")
			p.refused(thief.refresh, "", "SESSION_REVOKED")
		}},
		"caught after two windows, however often the thief refreshes": {run: func(p play) {
			stolen := p.signUp("ada@example.com")
			p.advance(time.Minute)
			thief := p.rotate(stolen.refresh, "")
			for range 21 {
				p.advance(time.Second)
				thief = p.rotate(thief.refresh, "")
			}
			p.refused(stolen.refresh, "", "TOKEN_REUSED")
			p.refused(thief.refresh, "", "SESSION_REVOKED")
		}},
		"REUSE_WINDOW=0: no token that was replaced earlier is a race": {settings: map[string]string{"REUSE_WINDOW": "0s"}, run: func(p play) {
			line := p.line(2, time.Second)
			p.refused(line[0].refresh, "", "TOKEN_REUSED")
		}},
		"the database's clock decides": {run: func(p play) {
			line := p.line(2, time.Second)
			p.advanceReplica(25 * time.Second)
			p.refused(line[0].refresh, "", "TOKEN_BLACKLISTED")
		}},
	}
}

// line returns the pairs of a new session that is rotated n times.
func (p play) line(n int, every time.Duration) []tokens {
	p.t.Helper()
	line := []tokens{p.signUp("ada@example.com")}
	p.advance(time.Minute)
	for i := range n {
		if i > 0 {
			p.advance(every)
		}
		line = append(line, p.rotate(line[i].refresh, ""))
	}
	return line
}

func TestRefresh_bursts(t *testing.T) {
	for name, sc := range bursts() {
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
