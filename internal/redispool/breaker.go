package redispool

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/redis/go-redis/v9"
	"github.com/sony/gobreaker/v2"
)

// tripAfter brief commands in a row that a node failed, it is given a rest.
const tripAfter = 3

// ErrRefused is the error of a brief command that was not sent because its
// node's breaker is open.
var ErrRefused = errors.New("redis was too slow of late")

// breaker is a hook that stands before one node. A cluster has one a node: a
// node that hangs must not take the others' answers away.
type breaker struct {
	circuit *gobreaker.TwoStepCircuitBreaker[any]
}

func newBreaker(node string, o Options) breaker {
	b := breaker{circuit: gobreaker.NewTwoStepCircuitBreaker[any](gobreaker.Settings{
		Name:    node,
		Timeout: o.OpenFor,
		ReadyToTrip: func(c gobreaker.Counts) bool {
			return c.ConsecutiveFailures >= tripAfter
		},
		IsSuccessful: answered,
		// A caller who went away is no sign that the node did.
		IsExcluded:    func(err error) bool { return errors.Is(err, context.Canceled) },
		OnStateChange: func(node string, from, to gobreaker.State) { logChange(o.Logger, node, from, to) },
	})}
	o.breakers.add(node, b)
	return b
}

// breakers are those of a pool by node. A node that is there no more has one
// that nobody asks, and it is not open for long.
type breakers struct {
	mu sync.Mutex
	of map[string]breaker
}

func (b *breakers) add(node string, each breaker) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.of[node] = each
}

func (b *breakers) open() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for _, each := range b.of {
		if each.circuit.State() == gobreaker.StateOpen {
			n++
		}
	}
	return n
}

// answered tells an answer, be it an error, from none in time.
func answered(err error) bool {
	var reply redis.Error
	return err == nil || errors.As(err, &reply)
}

// logChange leaves out the trials in between: they are no news.
func logChange(log *slog.Logger, node string, from, to gobreaker.State) {
	switch {
	case from == gobreaker.StateClosed:
		log.Warn("redis does not answer in time, requests go on without it", "node", node)
	case to == gobreaker.StateClosed:
		log.Info("redis answers in time again", "node", node)
	}
}

// run sends a command unless it is brief and the node's breaker is open. What
// go-redis sends along with it, to greet the node on a new connection, comes by
// here too: it is a part of the command and not counted again.
func (b breaker) run(ctx context.Context, send func(ctx context.Context) error) error {
	if !isBrief(ctx) {
		return send(ctx)
	}
	done, err := b.circuit.Allow()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	err = send(context.WithValue(ctx, briefKey{}, false))
	done(err)
	return err
}

// DialHook is redis.Hook's.
func (b breaker) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook is redis.Hook's.
func (b breaker) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		return b.run(ctx, func(ctx context.Context) error { return next(ctx, cmd) })
	}
}

// ProcessPipelineHook is redis.Hook's.
func (b breaker) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		return b.run(ctx, func(ctx context.Context) error { return next(ctx, cmds) })
	}
}
