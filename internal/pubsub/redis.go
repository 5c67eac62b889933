package pubsub

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"rekey/internal/auth"
)

var _ auth.Bus = (*Redis)(nil)

const (
	// channel is one for all: replicas are few, and each has followers of the
	// blacklist, who need every notice.
	channel = "rekey:notices"
	// sendQueue is how many notices may wait to be sent; more are lost.
	sendQueue = 8192
	sendBatch = 100
	// defaultSendTimeout and defaultSilence are for options that are 0.
	defaultSendTimeout = time.Second
	defaultSilence     = 2 * time.Second
	// again is how long to wait before the next try to subscribe.
	again = 250 * time.Millisecond
)

// RedisOptions are what NewRedis needs. Client, After and Logger must be set.
type RedisOptions struct {
	// Client is used, not closed.
	Client redis.UniversalClient
	// After is time.After, except in tests.
	After  func(time.Duration) <-chan time.Time
	Logger *slog.Logger
	// SendTimeout bounds one batch, and what is left to send at the end; 1 s
	// when 0.
	SendTimeout time.Duration
	// Silence is how long nothing may come before Redis is asked for a sign of
	// life, 2 s when 0; when none comes for as long again, notices count as lost.
	Silence time.Duration
}

// Redis is a bus between the replicas on one Redis. Who follows on the replica
// that publishes hears it without Redis. It is safe for concurrent use.
type Redis struct {
	*Local
	opts    RedisOptions
	origin  string // unique to this process
	queue   chan auth.Notice
	dropped atomic.Bool // since it was last logged
	missing bool        // that notices are missing was logged; used by Run alone
}

// NewRedis makes a bus, which Run keeps going. Until that has subscribed,
// notices from elsewhere count as lost.
func NewRedis(o RedisOptions) *Redis {
	local := NewLocal()
	local.lost = true
	o.SendTimeout, o.Silence = cmp.Or(o.SendTimeout, defaultSendTimeout), cmp.Or(o.Silence, defaultSilence)
	return &Redis{Local: local, opts: o, origin: rand.Text(), queue: make(chan auth.Notice, sendQueue)}
}

// Publish implements [auth.Bus].
func (r *Redis) Publish(notices ...auth.Notice) {
	r.Local.Publish(notices...)
	for _, n := range notices {
		select {
		case r.queue <- n:
		default:
			r.dropped.Store(true)
		}
	}
}

// Run sends and receives until ctx ends.
func (r *Redis) Run(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { r.send(ctx) })
	r.receive(ctx)
}

// Flush sends what waits to be sent, for SendTimeout at most. For the end of a
// process, and for one that does not Run.
func (r *Redis) Flush(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, r.opts.SendTimeout)
	defer cancel()
	for ctx.Err() == nil {
		select {
		case n := <-r.queue:
			r.sendBatch(ctx, n)
		default:
			return
		}
	}
}

func (r *Redis) send(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case n := <-r.queue:
			r.sendBatch(ctx, n)
		}
	}
}

// sendBatch sends a notice with those that wait behind it. What cannot be sent
// is lost: the store has it.
func (r *Redis) sendBatch(ctx context.Context, n auth.Notice) {
	ctx, cancel := context.WithTimeout(ctx, r.opts.SendTimeout)
	defer cancel()
	pipe := r.opts.Client.Pipeline()
	r.add(ctx, pipe, n)
	for more := true; more && pipe.Len() < sendBatch; {
		select {
		case n := <-r.queue:
			r.add(ctx, pipe, n)
		default:
			more = false
		}
	}
	_, err := pipe.Exec(ctx)
	if r.dropped.Swap(false) || err != nil && ctx.Err() == nil {
		r.opts.Logger.DebugContext(ctx, "notices for other replicas were lost", "error", err)
	}
}

func (r *Redis) add(ctx context.Context, pipe redis.Pipeliner, n auth.Notice) {
	if text, err := encode(r.origin, n); err == nil { // it is strings and numbers
		pipe.Publish(ctx, channel, text)
	}
}

// receive follows the channel, and begins again whenever that fails.
func (r *Redis) receive(ctx context.Context) {
	for ctx.Err() == nil {
		err := r.subscription(ctx)
		if ctx.Err() != nil {
			return
		}
		if !r.missing {
			r.opts.Logger.WarnContext(ctx, "notices of other replicas may be missing", "error", err)
		}
		r.missing = true
		r.setLost(true)
		select {
		case <-ctx.Done():
		case <-r.opts.After(again):
		}
	}
}

// subscription is one subscription, up to its failure.
func (r *Redis) subscription(ctx context.Context) error {
	sub := r.opts.Client.Subscribe(ctx, channel)
	defer func() { _ = sub.Close() }()
	defer context.AfterFunc(ctx, func() { _ = sub.Close() })() // reading does not heed ctx
	asked := false
	for {
		got, err := sub.ReceiveTimeout(ctx, r.opts.Silence)
		switch {
		case err == nil:
			asked = false
			r.got(ctx, got)
		case isTimeout(err) && !asked:
			asked = true
			if err := sub.Ping(ctx); err != nil {
				return err
			}
		default:
			return err
		}
	}
}

func (r *Redis) got(ctx context.Context, got any) {
	switch m := got.(type) {
	case *redis.Subscription:
		if r.missing {
			r.opts.Logger.InfoContext(ctx, "notices of other replicas come again")
		}
		r.missing = false
		r.setLost(false)
	case *redis.Message:
		if n, ok := decode(r.origin, m.Payload); ok {
			r.Local.Publish(n)
		}
	}
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}
