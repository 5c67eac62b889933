package trial

import (
	"time"

	"rekey/bench/internal/baseline"
	"rekey/bench/internal/load"
	"rekey/bench/internal/meter"
)

// Results holds the measurements of each part. Parts that were not measured are
// nil.
type Results struct {
	Refresh  *Refresh
	Access   *Access
	Logins   *Logins
	Start    *Start
	Growth   *Growth
	Chain    *Chain
	Embedded *Embedded
}

// Source records where and when a part was measured.
type Source struct {
	Commit, Machine, Servers string
	At                       time.Time
	Short                    bool
}

// Sample holds one measurement of one kind of work under one load.
type Sample struct {
	What     string
	Clients  int
	Done     int
	Failed   int
	Verified int
	Rate     float64 // per second
	P50, P99 time.Duration
	// CPU milliseconds for each request, which is CPU seconds for a thousand.
	ServerCPU, PostgresCPU, ClientCPU float64
	// For each request: statements, commits that write, bytes of WAL.
	Statements, Writes, WAL float64
	// Others is the share of the machine that other processes, the kernel and
	// the machine's host used.
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

// Refresh compares rekey with pgbench on Postgres.
type Refresh struct {
	Source
	Rounds  int
	Crypto  baseline.Crypto
	Samples []Sample
	Table   meter.Table
	Idle    meter.Memory // of the server, before the first request
	Loaded  meter.Memory // after the last
	// Allocated holds the allocations of a refresh, by transport.
	Allocated []Allocation
}

// Allocation holds the allocations of one request.
type Allocation struct {
	What           string
	Objects, Bytes float64
}

// Of returns a sample, or the zero sample if it was not taken.
func (r *Refresh) Of(what string, clients int) Sample { return find(r.Samples, what, clients) }

func find(samples []Sample, what string, clients int) (zero Sample) {
	for _, s := range samples {
		if s.What == what && s.Clients == clients {
			return s
		}
	}
	return zero
}

// Access holds operations that cost more or less than a refresh.
type Access struct {
	Source
	Samples []Sample
}

// Logins holds a storm of logins beside refreshes.
type Logins struct {
	Source
	Alone, Beside Sample // refreshes without and beside the storm
	Rate          float64
	Storm         load.Outcome
	Before, After meter.Memory // of the server
}

// Start holds the starts on SQLite.
type Start struct {
	Source
	First    time.Duration // without data
	Again    time.Duration // with data
	Idle     meter.Memory
	Binary   int64 // bytes, as go build writes it
	Stripped int64 // bytes, as it is in the container image
}

// Growth holds the cost of a refresh by the number of sessions.
type Growth struct {
	Source
	Points []Point
}

// Point holds the cost for one number of sessions.
type Point struct {
	Sessions     int
	Ours, Theirs Sample
	Table        meter.Table
}

// Chain holds the cost of a session that was rotated very often.
type Chain struct {
	Source
	Through       int // rotations by rekey, which the samples consist of
	Direct        int // rotations by the same UPDATE, sent directly in between
	Before, After Sample
	Table         meter.Table
}

// Embedded compares rekey on SQLite with the bare statement on the same file.
type Embedded struct {
	Source
	Bare    float64 // swaps per second
	Samples []Sample
}
