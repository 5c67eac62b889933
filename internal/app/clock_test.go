package app

import (
	"testing"
	"time"
)

// A replica's clock becomes skewed between two checks. No valid token is refused
// as invalid, no token is issued that others would refuse, and nothing is
// consumed.
func TestClock_Skewed(t *testing.T) {
	for _, e := range engines() {
		for _, d := range transports() {
			t.Run(e.name+", "+d.name, func(t *testing.T) {
				t.Parallel()
				p := play{newStack(t, e, nil), d}
				for name, off := range map[string]time.Duration{
					"a minute ahead": time.Minute, "a minute behind": -time.Minute,
					"two months ahead": 60 * 24 * time.Hour, "an hour behind": -time.Hour,
				} {
					p.skewed(name, off)
				}
			})
		}
	}
}

func (p play) skewed(name string, off time.Duration) {
	p.t.Helper()
	p.advance(time.Hour)
	email := name[:1] + name[len(name)-3:] + off.String() + "@example.com"
	old := p.signUp(email)
	unavailable := map[string]string{"GraphQL": "UNAVAILABLE", "REST": "503 Service Unavailable"}[p.d.name]
	p.advanceReplica(off)
	if out := p.d.refresh(p.stack, old.refresh, ""); out.problem != unavailable {
		p.t.Errorf("%s: refresh: %q, want %q", name, out.problem, unavailable)
	}
	if got := p.access(old.access); got != "UNAVAILABLE" && got != "" {
		p.t.Errorf("%s: access: %q", name, got)
	}
	var data struct{ Logout int }
	if got := p.graphql(old.access, `mutation { logout }`, nil, &data); got != "UNAVAILABLE" {
		p.t.Errorf("%s: logout: %d, %q", name, data.Logout, got)
	}
	if got := p.graphql("", `mutation { login(input: {email: "`+email+`", password: "`+goodPassword+`"}) { token } }`, nil, nil); got != "UNAVAILABLE" {
		p.t.Errorf("%s: login: %q", name, got)
	}
	p.advanceReplica(-off)
	if err := p.app.core.CheckClock(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
	p.accessIs(p.rotate(old.refresh, "").access, "")
}

// A clock that is within the limit costs no client a valid token, however small
// CLOCK_LEEWAY is.
func TestClock_short(t *testing.T) {
	for _, leeway := range []string{"0s", "100ms"} {
		for _, d := range transports() {
			t.Run(leeway+", "+d.name, func(t *testing.T) {
				p := play{newStack(t, engines()[0], map[string]string{"CLOCK_LEEWAY": leeway}), d}
				p.advance(750 * time.Millisecond) // to a whole second: iat is now
				mine := p.signUp("ada@example.com")
				p.advanceReplica(-900 * time.Millisecond) // a replica that is behind
				if err := p.app.core.CheckClock(t.Context()); err != nil {
					t.Fatalf("the clock counts as skewed: %v", err)
				}
				p.accessIs(mine.access, "")
				next := p.rotate(mine.refresh, "")
				p.advanceReplica(1800 * time.Millisecond) // one that is ahead
				if err := p.app.core.CheckClock(t.Context()); err != nil {
					t.Fatalf("the clock counts as skewed: %v", err)
				}
				p.rotate(next.refresh, "")
			})
		}
	}
}
