package auth

import (
	"testing"
	"time"
)

func TestConfirmedTokens(t *testing.T) {
	at := time.Unix(1_000_000, 0)
	claims := Claims{User: ClaimsUser{ID: "u1"}, SessionID: NewID(at).String(), Secret: "secret", IssuedAt: at, ExpiresAt: at.Add(time.Hour)}
	var known confirmedTokens
	known.add(claims)
	for name, change := range map[string]func(c *Claims){
		"session":                       func(c *Claims) { c.SessionID = NewID(at).String() },
		"secret":                        func(c *Claims) { c.Secret = "another" },
		"user":                          func(c *Claims) { c.User.ID = "u2" },
		"iat":                           func(c *Claims) { c.IssuedAt = at.Add(time.Second) },
		"exp":                           func(c *Claims) { c.ExpiresAt = at },
		"the border of user and secret": func(c *Claims) { c.User.ID, c.Secret = "u1s", "ecret" },
	} {
		other := claims
		change(&other)
		if known.has(other) {
			t.Errorf("another %s is known", name)
		}
	}
	// It is bounded, and forgets what is unused first.
	unused := claims
	unused.Secret = "unused"
	known.add(unused)
	for i := range maxConfirmed {
		c := claims
		c.IssuedAt = at.Add(time.Duration(i+1) * time.Second)
		known.add(c)
		if n := len(known.recent) + len(known.old); n > maxConfirmed {
			t.Fatalf("%d are remembered", n)
		}
		if i%1000 == 0 && !known.has(claims) {
			t.Fatalf("a token in use is forgotten after %d others", i)
		}
	}
	if known.has(unused) {
		t.Error("an unused token is remembered")
	}
}

func BenchmarkConfirmedTokens(b *testing.B) {
	at := time.Unix(1_000_000, 0)
	claims := Claims{User: ClaimsUser{ID: NewID(at).String()}, SessionID: NewID(at).String(), Secret: newSecret(), IssuedAt: at, ExpiresAt: at}
	var known confirmedTokens
	known.add(claims)
	b.ReportAllocs()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			if !known.has(claims) {
				b.Error("unknown")
			}
		}
	})
}
