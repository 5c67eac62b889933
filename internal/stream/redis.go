package stream

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"rekey/internal/auth"
)

const (
	// channel is one for all changes: there are few replicas, and each has
	// followers of the blacklist, which need every change.
	channel = "rekey:changes"
	// sendBuffer is how many changes may wait to be sent. More are lost.
	sendBuffer         = 8192
	sendBatchSize      = 100
	defaultSendTimeout = time.Second
	defaultSilence     = 2 * time.Second
	// resubscribeAfter is the delay before a failed subscription is retried.
	resubscribeAfter = 250 * time.Millisecond
)

// RedisOptions are what NewRedis needs. Client, After and Logger are required.
type RedisOptions struct {
	// Client is used, not closed.
	Client redis.UniversalClient
	// After is time.After, except in tests.
	After  func(time.Duration) <-chan time.Time
	Logger *slog.Logger
	// SendTimeout bounds sending one batch, and Flush. The default is 1 s.
	SendTimeout time.Duration
	// Silence is how long nothing may arrive before Redis is pinged, and how
	// long it may take to answer before changes count as lost. The default is
	// 2 s.
	Silence time.Duration
}

// Redis is a bus between all replicas on one Redis. Followers on the replica
// that publishes get the change without Redis. It is safe for concurrent use.
type Redis struct {
	*Local
	opts    RedisOptions
	origin  string // unique to this process
	outbox  chan auth.Change
	dropped atomic.Bool // a change was dropped since this was last logged
	missing bool        // it was logged that changes may be missing; used by Run alone
}

// message is a change as it is sent.
type message struct {
	Origin string `json:"from"`
	auth.Change
}

// NewRedis returns a bus. Run keeps it going; changes of other replicas count
// as lost until it has subscribed.
func NewRedis(o RedisOptions) *Redis {
	local := NewLocal()
	local.lost = true
	o.SendTimeout, o.Silence = cmp.Or(o.SendTimeout, defaultSendTimeout), cmp.Or(o.Silence, defaultSilence)
	return &Redis{Local: local, opts: o, origin: rand.Text(), outbox: make(chan auth.Change, sendBuffer)}
}

// Publish implements [Bus].
func (r *Redis) Publish(changes ...auth.Change) {
	r.Local.Publish(changes...)
	for _, c := range changes {
		select {
		case r.outbox <- c:
		default:
			r.dropped.Store(true)
		}
	}
}

// Run sends and receives until ctx ends.
func (r *Redis) Run(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case c := <-r.outbox:
				r.sendBatch(ctx, c)
			}
		}
	})
	r.receive(ctx)
}

// Flush sends what waits to be sent, for SendTimeout at most. It is for the end
// of a process, and for a process that does not call Run.
func (r *Redis) Flush(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, r.opts.SendTimeout)
	defer cancel()
	for ctx.Err() == nil {
		select {
		case c := <-r.outbox:
			r.sendBatch(ctx, c)
		default:
			return
		}
	}
}

// sendBatch sends a change and those that wait behind it. What cannot be sent
// is lost; followers find it in the store.
func (r *Redis) sendBatch(ctx context.Context, c auth.Change) {
	ctx, cancel := context.WithTimeout(ctx, r.opts.SendTimeout)
	defer cancel()
	pipe := r.opts.Client.Pipeline()
	for more := true; more; {
		if text, err := json.Marshal(message{r.origin, c}); err == nil {
			pipe.Publish(ctx, channel, text)
		}
		more = false
		if pipe.Len() < sendBatchSize {
			select {
			case c = <-r.outbox:
				more = true
			default:
			}
		}
	}
	_, err := pipe.Exec(ctx)
	if r.dropped.Swap(false) || err != nil && ctx.Err() == nil {
		r.opts.Logger.DebugContext(ctx, "changes for other replicas lost", "error", err)
	}
}

// receive subscribes to the channel, and again whenever that fails.
func (r *Redis) receive(ctx context.Context) {
	for {
		err := r.subscribe(ctx)
		if ctx.Err() != nil {
			return
		}
		if !r.missing {
			r.opts.Logger.WarnContext(ctx, "subscription to other replicas' changes failed; will retry, meanwhile changes are read from the database", "error", err)
		}
		r.missing = true
		r.setLost(true)
		select {
		case <-ctx.Done():
		case <-r.opts.After(resubscribeAfter):
		}
	}
}

// subscribe receives until the subscription fails.
func (r *Redis) subscribe(ctx context.Context) error {
	sub := r.opts.Client.Subscribe(ctx, channel)
	defer func() { _ = sub.Close() }()
	defer context.AfterFunc(ctx, func() { _ = sub.Close() })() // ReceiveTimeout does not return when ctx ends
	pinged := false
	for {
		got, err := sub.ReceiveTimeout(ctx, r.opts.Silence)
		switch {
		case err == nil:
			pinged = false
			r.onReply(ctx, got)
		case isTimeout(err) && !pinged:
			pinged = true
			if err := sub.Ping(ctx); err != nil {
				return err
			}
		default:
			return err
		}
	}
}

func (r *Redis) onReply(ctx context.Context, reply any) {
	switch reply := reply.(type) {
	case *redis.Subscription:
		if r.missing {
			r.opts.Logger.InfoContext(ctx, "subscribed to other replicas' changes again")
		}
		r.missing = false
		r.setLost(false)
	case *redis.Message:
		var m message
		if err := json.Unmarshal([]byte(reply.Payload), &m); err != nil || m.Origin == r.origin {
			return
		}
		if slices.Contains(auth.ChangeKinds(), m.Kind) {
			r.Local.Publish(m.Change)
		}
	}
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}
