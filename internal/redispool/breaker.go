package redispool

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// tripAfter is how many brief commands in a row must fail to open a circuit.
const tripAfter = 3

// ErrRefused is the error of a brief command that was not sent because the
// circuit of its node is open.
var ErrRefused = errors.New("redis timeouts: circuit open")

// breaker is a hook for one node. When brief commands get no answer in time, it
// opens the circuit: it refuses them for a while, and then sends one as a trial,
// whose answer closes the circuit. In a cluster each node has its own, because
// the others still answer when one hangs.
type breaker struct {
	openFor time.Duration
	now     func() time.Time
	log     *slog.Logger

	mu       sync.Mutex
	failures int // in a row, while the circuit is closed
	open     bool
	retryAt  time.Time // if open: when a trial may be sent
	trial    bool      // one is on its way
}

func newBreaker(node string, o Options) *breaker {
	b := &breaker{openFor: o.OpenFor, now: o.Now, log: o.Logger.With("node", node)}
	o.breakers.add(node, b)
	return b
}

// allow returns ErrRefused, or whether the command is a trial. The caller then
// calls done.
func (b *breaker) allow() (trial bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.open {
		return false, nil
	}
	if b.trial || b.now().Before(b.retryAt) {
		return false, ErrRefused
	}
	b.trial = true
	return true, nil
}

// done takes the error of a command. Answers that are errors are answers, and a
// caller that cancels says nothing about the node.
func (b *breaker) done(trial bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if trial {
		b.trial = false
	} else if b.open {
		return // sent before the circuit opened
	}
	var answer redis.Error
	switch {
	case errors.Is(err, context.Canceled):
	case err == nil || errors.As(err, &answer):
		b.failures = 0
		if b.open {
			b.open = false
			b.log.Info("redis answers again; circuit closed")
		}
	case b.open:
		b.retryAt = b.now().Add(b.openFor)
	default:
		if b.failures++; b.failures >= tripAfter {
			b.open, b.retryAt = true, b.now().Add(b.openFor)
			b.log.Warn("redis timeouts; circuit open, bypassing it", "open_ms", b.openFor.Milliseconds())
		}
	}
}

// run sends a command unless it is brief and refused. go-redis also calls it for
// what it sends to greet the node on a new connection: that is a part of the
// command and not counted again.
func (b *breaker) run(ctx context.Context, send func(ctx context.Context) error) error {
	if brief, _ := ctx.Value(briefKey{}).(bool); !brief {
		return send(ctx)
	}
	trial, err := b.allow()
	if err != nil {
		return err
	}
	err = send(context.WithValue(ctx, briefKey{}, false))
	b.done(trial, err)
	return err
}

// DialHook implements [redis.Hook]. Errors of connecting contain no part of the
// URL.
func (b *breaker) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := next(ctx, network, address)
		return conn, conceal(err)
	}
}

// ProcessHook implements [redis.Hook].
func (b *breaker) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		return b.run(ctx, func(ctx context.Context) error { return next(ctx, cmd) })
	}
}

// ProcessPipelineHook implements [redis.Hook].
func (b *breaker) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		return b.run(ctx, func(ctx context.Context) error { return next(ctx, cmds) })
	}
}

// breakers has the breakers of a pool by node. That of a node that has left is
// not used, and it does not stay open.
type breakers struct {
	mu     sync.Mutex
	byNode map[string]*breaker
}

func (b *breakers) add(node string, one *breaker) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.byNode[node] = one
}

// open returns how many circuits refuse commands now.
func (b *breakers) open() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for _, one := range b.byNode {
		one.mu.Lock()
		if one.open && one.now().Before(one.retryAt) {
			n++
		}
		one.mu.Unlock()
	}
	return n
}
