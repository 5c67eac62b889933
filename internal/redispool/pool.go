package redispool

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
)

// Options say where Redis is and how long to wait for it. URL and Logger must
// be set.
type Options struct {
	// URL is one of
	//   redis://user:password@host:6379/0            one server
	//   redis+sentinel://host:26379?master_name=m    sentinels, more by &addr=host:port;
	//                                                username= and password= are the servers'
	//   redis+cluster://user:password@host:6379      a cluster, more by ?addr=host:port
	// and each with rediss for TLS. Further parameters are those of go-redis.
	URL string
	// Logger gets one line when a node ceases to answer in time, and one when
	// it does again.
	Logger *slog.Logger
	// Timeout bounds a brief command, 50 ms when 0.
	Timeout time.Duration
	// OpenFor is how long brief commands are refused after a node has failed
	// some, before one is let through again; 1 s when 0.
	OpenFor time.Duration
	// Now is the clock for OpenFor, time.Now when nil.
	Now func() time.Time

	breakers *breakers // those of the pool
}

const (
	defaultTimeout = 50 * time.Millisecond
	defaultOpenFor = time.Second
	// patience is how many times longer than a brief command any other may take.
	patience = 5
	// dialing is the same for connecting.
	dialing = 4
)

func (o Options) withDefaults() Options {
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	if o.OpenFor == 0 {
		o.OpenFor = defaultOpenFor
	}
	if o.Now == nil {
		o.Now = time.Now
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

// Open makes a pool. It does not connect yet: a Redis that is away is no
// reason not to start. The error is about Options.URL and does not repeat it.
func Open(o Options) (*Pool, error) {
	o = o.withDefaults()
	// go-redis logs each failed connection to stderr through a global logger
	// and knows no other way. Whoever asks Redis tells the same, once.
	logging.Disable()
	client, err := newClient(o)
	if err != nil {
		return nil, err
	}
	return &Pool{client: client, opts: o}, nil
}

// CheckURL tells whether Open could make use of a URL; it does not connect. The
// empty one is no Redis. The error does not repeat the URL.
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

// OpenBreakers returns how many nodes are given a rest, for a metric.
func (p *Pool) OpenBreakers() int { return p.opts.breakers.open() }

// Connections returns how many connections are open to all nodes, and how many
// of them are idle, for a metric.
func (p *Pool) Connections() (open, idle int) {
	stats := p.client.PoolStats()
	return int(stats.TotalConns), int(stats.IdleConns)
}

// Timeout bounds a brief command: one that a request would rather go on
// without than wait for.
func (p *Pool) Timeout() time.Duration { return p.opts.Timeout }

// Patience bounds every other command, unless its context ends before.
func (p *Pool) Patience() time.Duration { return p.opts.patience() }

// Brief returns a context for brief commands: it ends after Timeout, and a
// command under it fails at once while the node's breaker is open. The caller
// calls cancel. It is not for transactions.
func (p *Pool) Brief(ctx context.Context) (brief context.Context, cancel context.CancelFunc) {
	return context.WithTimeout(context.WithValue(ctx, briefKey{}, true), p.opts.Timeout)
}

type briefKey struct{}

func isBrief(ctx context.Context) bool {
	brief, _ := ctx.Value(briefKey{}).(bool)
	return brief
}

// EachMaster calls f with a client of every master, for a cluster at the same
// time. It returns f's first error, or why the masters are not known.
func (p *Pool) EachMaster(ctx context.Context, f func(ctx context.Context, node redis.Cmdable) error) error {
	cluster, ok := p.client.(*redis.ClusterClient)
	if !ok {
		return f(ctx, p.client)
	}
	return cluster.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error { return f(ctx, node) })
}
