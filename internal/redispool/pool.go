// Package redispool is the pool of connections to Redis that all packages share:
// to one server, to one found by sentinels, or to a cluster. It owns the URL, the
// time limits, and the circuit breakers that keep a slow Redis from slowing
// requests down.
//
// It does not know what is stored in Redis. A command that it refuses fails, and
// each package decides how to continue.
package redispool

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
)

// Options are the settings of a pool. URL and Logger are required.
type Options struct {
	// URL is one of
	//   redis://user:password@host:6379/0            one server
	//   redis+sentinel://host:26379?master_name=m    sentinels, more by &addr=host:port;
	//                                                username= and password= are the servers'
	//   redis+cluster://user:password@host:6379      a cluster, more by ?addr=host:port
	// and each with rediss for TLS. Further parameters are those of go-redis.
	URL string
	// Logger gets one line when a circuit opens, and one when it closes.
	Logger *slog.Logger
	// Timeout limits a brief command, 50 ms when 0.
	Timeout time.Duration
	// OpenFor is how long an open circuit refuses brief commands before it lets
	// one through; 1 s when 0.
	OpenFor time.Duration
	// Now is the clock for OpenFor, time.Now when nil.
	Now func() time.Time

	breakers *breakers // those of the pool
}

const (
	// patience is how many times longer than a brief command others may take.
	patience = 5
	// dialing is the same for connecting.
	dialing = 4
)

func (o Options) withDefaults() Options {
	o.Timeout, o.OpenFor = cmp.Or(o.Timeout, 50*time.Millisecond), cmp.Or(o.OpenFor, time.Second)
	if o.Now == nil {
		o.Now = time.Now //nolint:forbidigo // it measures how long a circuit is open
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.breakers = &breakers{byNode: map[string]*breaker{}}
	return o
}

func (o Options) patience() time.Duration { return patience * o.Timeout }

func (o Options) dialTimeout() time.Duration { return dialing * o.Timeout }

// Pool is a pool of connections to each node. It is safe for concurrent use.
type Pool struct {
	client redis.UniversalClient
	opts   Options
}

// Open returns a pool. It does not connect yet, so that the process starts without
// Redis. The error is about Options.URL and does not repeat it.
func Open(o Options) (*Pool, error) {
	o = o.withDefaults()
	// go-redis logs each failed connection to stderr through a global logger, which
	// cannot be replaced for one pool. The callers log such errors once.
	logging.Disable()
	client, err := newClient(o)
	if err != nil {
		return nil, err
	}
	return &Pool{client: client, opts: o}, nil
}

// CheckURL returns an error if Open cannot use a URL. It does not connect. The
// empty URL, which means no Redis, is valid. The error does not repeat the URL.
func CheckURL(url string) error {
	if url == "" {
		return nil
	}
	pool, err := Open(Options{URL: url})
	if err != nil {
		return fmt.Errorf("REDIS_URL: %w", err)
	}
	return pool.Close()
}

// Client returns the client of all nodes. Pool does not embed it: the linker
// would keep hundreds of methods for commands that nothing sends.
func (p *Pool) Client() redis.UniversalClient { return p.client }

// Close closes all connections.
func (p *Pool) Close() error { return p.client.Close() }

// OpenBreakers returns how many circuits are open, for a metric.
func (p *Pool) OpenBreakers() int { return p.opts.breakers.open() }

// Connections returns how many connections are open to all nodes, and how many
// of them are idle, for a metric.
func (p *Pool) Connections() (open, idle int) {
	stats := p.client.PoolStats()
	return int(stats.TotalConns), int(stats.IdleConns)
}

// Timeout limits a brief command. A request that gets no answer within it
// continues without Redis.
func (p *Pool) Timeout() time.Duration { return p.opts.Timeout }

// Patience limits every other command, unless its context ends earlier.
func (p *Pool) Patience() time.Duration { return p.opts.patience() }

// Brief returns a context for brief commands. It ends after Timeout, and its
// commands fail at once while the node's circuit is open. The caller calls
// cancel. It is not for transactions.
func (p *Pool) Brief(ctx context.Context) (brief context.Context, cancel context.CancelFunc) {
	return context.WithTimeout(context.WithValue(ctx, briefKey{}, true), p.opts.Timeout)
}

type briefKey struct{}

// EachMaster calls f with a client of every master, in a cluster in parallel. It
// returns f's first error, or why the masters are not known.
func (p *Pool) EachMaster(ctx context.Context, f func(ctx context.Context, node redis.Cmdable) error) error {
	cluster, ok := p.client.(*redis.ClusterClient)
	if !ok {
		return f(ctx, p.client)
	}
	return cluster.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error { return f(ctx, node) })
}
