package blacklist

import (
	"cmp"
	"log/slog"
	"time"

	"rekey/internal/auth"
	"rekey/internal/redispool"
)

// Options are the settings of a cache of any kind. Notes, Now, After and Logger
// are required.
type Options struct {
	// Replica is the id of this process; a random one if it is empty.
	Replica string
	// Notes has what each replica writes about the nodes that it writes to.
	Notes auth.Replicas
	// Now is the clock that tokens are issued by. It also measures durations, so
	// it should keep time.Now's monotonic reading.
	Now func() time.Time
	// After is time.After, except in tests.
	After func(time.Duration) <-chan time.Time
	// Logger gets one line when the cache becomes trusted or stops being trusted.
	Logger *slog.Logger
	// AccessLifetime is the longest lifetime of an access token.
	AccessLifetime time.Duration
	// ClockLeeway is how far any clock may differ from the database's. A value
	// below auth.MaxClockDistance is raised to it.
	ClockLeeway time.Duration

	// RoundTimeout limits a round, and the writing of a note, in real time; 2 s
	// when 0. Only tests may set more, because margin includes 2 s.
	RoundTimeout time.Duration

	// Redis is only for NewRedis. The caller closes it.
	Redis *redispool.Pool
	// MaxEntries limits the memory of NewMemory, 1,000,000 when 0.
	MaxEntries int
}

const (
	// roundEvery is how often notes are written and read.
	roundEvery = time.Second
	// roundTimeout limits one round, so that a stuck database is detected.
	roundTimeout = 2 * time.Second
	// liveFor limits the age of the note of a live replica.
	liveFor = 3 * time.Second
	// trustFor is how long the notes that were read are valid. A reader that
	// cannot reach SQL stops trusting. It is also the longest time that a reader
	// continues after another replica has written that it reaches no node.
	trustFor = 2 * time.Second
	// freshFor limits the age of our own note when a change relies on it. It is
	// less than liveFor: a replica that was stopped for a while must not rely on a
	// note that the others ignore already.
	freshFor = 2 * time.Second
	// readWithin limits the time for which a new note is unread: trustFor, and some time
	// for writing it.
	readWithin = 2500 * time.Millisecond
	// commitFor is how long a change may take from Invalidate to its commit. It
	// concerns tokens that are issued in between, too.
	commitFor         = 10 * time.Second
	defaultMaxEntries = 1_000_000
)

func (o Options) withDefaults() Options {
	o.MaxEntries = cmp.Or(o.MaxEntries, defaultMaxEntries)
	o.RoundTimeout = cmp.Or(o.RoundTimeout, roundTimeout)
	o.ClockLeeway = auth.MaxClockDistance(o.ClockLeeway)
	return o
}

// margin is how much later than a marker a token must be issued so that a missing
// entry proves something. One leeway is for the clock that issued the token, and
// one for the clock that set the marker, because both may be off in opposite
// directions. The rest is for changes that were in progress when a round set the
// marker, or that began before the round named the node.
func (o Options) margin() time.Duration { return 2*o.ClockLeeway + commitFor + roundTimeout }

// memory is how long the note of a dead replica matters: until the last token
// that one of its changes can concern has expired.
func (o Options) memory() time.Duration { return o.AccessLifetime + freshFor + o.margin() }
