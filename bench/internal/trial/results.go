package trial

import (
	"time"

	"rekey/bench/internal/baseline"
	"rekey/bench/internal/load"
	"rekey/bench/internal/meter"
)

// Results are what was measured, part by part; a part that was not is nil.
type Results struct {
	Refresh  *Refresh
	Access   *Access
	Logins   *Logins
	Start    *Start
	Growth   *Growth
	Chain    *Chain
	Embedded *Embedded
}

// Source is where and when a part was measured.
type Source struct {
	Commit, Machine, Servers string
	At                       time.Time
	Short                    bool
}

// Sample is one kind of work under one load.
type Sample struct {
	What     string
	Clients  int
	Done     int
	Failed   int
	Verified int
	Rate     float64 // a second
	P50, P99 time.Duration
	// Milliseconds of CPU for each, which is seconds for a thousand.
	ServerCPU, PostgresCPU, ClientCPU float64
	// For each: statements, commits that write, bytes of WAL.
	Statements, Writes, WAL float64
	// Others is the share of the machine that went to other processes, the
	// kernel and the machine's host.
	Others float64
}

// Names of samples.
const (
	GraphQL  = "GraphQL"
	REST     = "legacy route"
	PGBench  = "pgbench"
	OnMemory = "me, in memory"
	OnRedis  = "me, on Redis"
	OnSQL    = "me, on SQL"
	Login    = "login"
)

// Refresh is rekey beside pgbench on Postgres.
type Refresh struct {
	Source
	Rounds  int
	Crypto  baseline.Crypto
	Samples []Sample
	Table   meter.Table
	Idle    meter.Memory // of the server, before the first request
	Loaded  meter.Memory // after the last
	// Allocated is what a refresh allocates, by what asks for it.
	Allocated []Allocation
}

// Allocation is what each of many allocated.
type Allocation struct {
	What           string
	Objects, Bytes float64
}

// Of returns a sample, zero when there is none.
func (r *Refresh) Of(what string, clients int) Sample { return find(r.Samples, what, clients) }

func find(samples []Sample, what string, clients int) (zero Sample) {
	for _, s := range samples {
		if s.What == what && s.Clients == clients {
			return s
		}
	}
	return zero
}

// Access is what asks for more than a refresh or for less.
type Access struct {
	Source
	Samples []Sample
}

// Logins is a storm of logins beside refreshes.
type Logins struct {
	Source
	Alone, Beside Sample // refreshes without the storm and beside it
	Rate          float64
	Storm         load.Outcome
	Before, After meter.Memory // of the server
}

// Start is a start on SQLite.
type Start struct {
	Source
	First    time.Duration // with no data
	Again    time.Duration // with data
	Idle     meter.Memory
	Binary   int64 // bytes, as go build makes it
	Stripped int64 // bytes, as it is in the container image
}

// Growth is the cost of a refresh by the number of sessions.
type Growth struct {
	Source
	Points []Point
}

// Point is one number of sessions.
type Point struct {
	Sessions     int
	Ours, Theirs Sample
	Table        meter.Table
}

// Chain is one session, rotated very often.
type Chain struct {
	Source
	Through       int // rotations by rekey, of which the samples are
	Direct        int // by the same UPDATE, sent directly in between
	Before, After Sample
	Table         meter.Table
}

// Embedded is rekey on SQLite, beside the bare statement on the same file.
type Embedded struct {
	Source
	Bare    float64 // swaps a second
	Samples []Sample
}
