package load

import "time"

// Kind is what clients do.
type Kind string

// The kinds. A refresh goes on with the token that the last one answered.
const (
	GraphQL Kind = "graphql" // refresh by the mutation
	REST    Kind = "rest"    // refresh by the legacy route
	Me      Kind = "me"      // one access check, by the query me
	Login   Kind = "login"   // with the right password
	Storm   Kind = "storm"   // logins at a constant rate, the clients being accounts
)

// Plan is what the clients are to do; it travels to their process as JSON.
type Plan struct {
	Addr    string // host:port of the server
	Keys    string // the directory of its keys
	Kind    Kind
	Clients int
	For     time.Duration
	// Sessions are those numbered from First on, divided evenly among the
	// clients: each takes turns with its own. Stride is how far apart they
	// are; 0 is 1.
	First, Sessions, Stride int
	Issued                  time.Time // of the sessions' first tokens
	// Settle is how long to wait after the first rotations, for a cache to
	// trust what comes later.
	Settle time.Duration
	Rate   float64 // of a storm: logins a second
	// Spread gives each session an address of its own, told as a proxy does.
	Spread bool
}

// Outcome is what came of it.
type Outcome struct {
	Done     int
	Errors   map[string]int
	Elapsed  time.Duration
	CPU      time.Duration // of the clients' process
	P50, P99 time.Duration
	Verified int // tokens whose signature and session were checked; each was compared with all others

	// Of a storm, those told to come again, which are no failures.
	Refused                int
	RefusedP50, RefusedP99 time.Duration
}

// Failed is how many requests had no good answer.
func (o Outcome) Failed() int {
	n := 0
	for _, count := range o.Errors {
		n += count
	}
	return n
}
