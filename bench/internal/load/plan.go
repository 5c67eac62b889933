package load

import "time"

// Kind names the work of clients.
type Kind string

// The kinds. A refresh presents the token of the previous answer.
const (
	GraphQL Kind = "graphql" // refresh by the mutation
	REST    Kind = "rest"    // refresh by the legacy route
	Me      Kind = "me"      // one access check, by the query me
	Login   Kind = "login"   // with the right password
	Storm   Kind = "storm"   // logins at a constant rate; the clients are accounts
)

// Plan describes the work of the clients. It is sent to their process as JSON.
type Plan struct {
	Addr    string // host:port of the server
	Keys    string // the directory of its keys
	Kind    Kind
	Clients int
	For     time.Duration
	// Sessions are numbered from First on and divided evenly among the clients.
	// Each client uses its sessions in turn. Stride is the distance between
	// their numbers; 0 means 1.
	First, Sessions, Stride int
	Issued                  time.Time // of the sessions' first tokens
	// Settle is the time to wait after the first rotations, so that a cache
	// trusts later tokens.
	Settle time.Duration
	Rate   float64 // of a storm: logins per second
	// Spread gives each session an address of its own, in the header that a
	// proxy sets.
	Spread bool
}

// Outcome holds the result of the work.
type Outcome struct {
	Done     int
	Errors   map[string]int
	Elapsed  time.Duration
	CPU      time.Duration // of the clients' process
	P50, P99 time.Duration
	Verified int // tokens whose signature and session were checked; every token was compared with all others

	// Logins of a storm that were asked to retry. They do not count as failures.
	Refused                int
	RefusedP50, RefusedP99 time.Duration
}

// Failed returns the number of requests without a successful answer.
func (o Outcome) Failed() int {
	n := 0
	for _, count := range o.Errors {
		n += count
	}
	return n
}
