package blacklist

import (
	"log/slog"
	"time"

	"rekey/internal/auth"
	"rekey/internal/redispool"
)

// Options is what every kind of cache needs. Notes, Now, After and Logger must
// be set.
type Options struct {
	// Replica is the id of this process; a random one if it is empty.
	Replica string
	// Notes is where replicas tell each other the nodes they write to.
	Notes auth.Replicas
	// Now is the clock that tokens are issued by. Durations are measured by it
	// too, so it should keep time.Now's monotonic reading.
	Now func() time.Time
	// After is time.After, except in tests.
	After func(time.Duration) <-chan time.Time
	// Logger gets one line when the cache begins or ceases to be trusted.
	Logger *slog.Logger
	// AccessLifetime is the longest life of an access token.
	AccessLifetime time.Duration
	// ClockLeeway is how far any clock may be from the database's; less than
	// auth.MaxClockDistance allows is taken for that.
	ClockLeeway time.Duration

	// RoundTimeout bounds a round, and the writing of a note, in real time; 2 s
	// when 0, and more in tests alone: the margin counts on no more.
	RoundTimeout time.Duration

	// Redis is for NewRedis alone. Who opened it closes it.
	Redis *redispool.Pool
	// MaxEntries bounds the memory of NewMemory, 1,000,000 when 0.
	MaxEntries int
}

const (
	// roundEvery is how often notes are written and read.
	roundEvery = time.Second
	// roundTimeout bounds one round, so that a stuck database is noticed.
	roundTimeout = 2 * time.Second
	// liveFor is how old the note of a living replica may be.
	liveFor = 3 * time.Second
	// trustFor is how long what was read from the notes holds. A reader that
	// cannot reach SQL stops trusting; it is also the longest that a reader
	// goes on after another replica has written that it reaches no node.
	trustFor = 2 * time.Second
	// freshFor is how old our own note may be when a change relies on it. It
	// is less than liveFor: a replica that was stopped for a while must not
	// rely on a note that the others no longer count.
	freshFor = 2 * time.Second
	// noticeFor is how long a newcomer waits until the others have read its
	// note: trustFor, and something for the writing.
	noticeFor = 2500 * time.Millisecond
	// commitFor is how long a change may take from Invalidate to its commit. Tokens
	// issued in between are as much concerned as those issued before.
	commitFor         = 10 * time.Second
	defaultMaxEntries = 1_000_000
)

func (o Options) withDefaults() Options {
	if o.MaxEntries == 0 {
		o.MaxEntries = defaultMaxEntries
	}
	if o.RoundTimeout == 0 {
		o.RoundTimeout = roundTimeout
	}
	o.ClockLeeway = auth.MaxClockDistance(o.ClockLeeway)
	return o
}

// margin is how much later than a marker a token must be issued before the
// absence of an entry says anything. One leeway is for the clock that issued
// the token, one for the clock that set the marker (each may be off by one, in
// opposite directions); the rest is for changes that were under way when a round
// set the marker, or that began before the round had named the node.
func (o Options) margin() time.Duration { return 2*o.ClockLeeway + commitFor + roundTimeout }

// memory is for how long the note of a dead replica matters: until the last
// token that one of its changes can concern has ended.
func (o Options) memory() time.Duration { return o.AccessLifetime + freshFor + o.margin() }
