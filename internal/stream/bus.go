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

// A Bus reports its own state by changes of these kinds.
const (
	// BusLost says that changes may be missing from here on, until BusBack.
	BusLost auth.ChangeKind = "bus_lost"
	// BusBack says that changes arrive from here on. Earlier ones may be missing.
	BusBack auth.ChangeKind = "bus_back"
)

const (
	// channel is one for all changes: there are few replicas, and each has
	// followers of the blacklist, which need every change.
	channel = "rekey:changes"
	// busBuffer is how many changes a follower may be behind, and how many may
	// wait to be sent to Redis.
	busBuffer          = 8192
	sendBatchSize      = 100
	defaultSendTimeout = time.Second
	defaultSilence     = 2 * time.Second
	// resubscribeAfter is the delay before a failed subscription is retried.
	resubscribeAfter = 250 * time.Millisecond
)

// BusOptions configure NewBus. After and Logger are required.
type BusOptions struct {
	// Client is the Redis that all replicas share. It is not closed. Without it
	// the bus ends at this process.
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

// Bus carries changes to all replicas. Followers on the replica that publishes
// get them without Redis. A bus may lose some, and reports that as far as it
// knows: a follower that needs every change must read the store, too. It is safe
// for concurrent use.
type Bus struct {
	opts   BusOptions
	origin string // unique to this process
	outbox chan auth.Change
	failed bool // it was logged that the subscription failed; used by Run alone

	mu        sync.Mutex
	followers map[*follower]bool
	lost      bool
}

type follower struct {
	changes chan auth.Change
	missed  atomic.Bool // a change since the last check
}

// message is a change as it is sent to other replicas.
type message struct {
	Origin string `json:"from"`
	auth.Change
}

// NewBus returns a bus. Run keeps it going; changes of other replicas count as
// lost until it has subscribed.
func NewBus(o BusOptions) *Bus {
	o.SendTimeout, o.Silence = cmp.Or(o.SendTimeout, defaultSendTimeout), cmp.Or(o.Silence, defaultSilence)
	return &Bus{
		opts: o, origin: rand.Text(), outbox: make(chan auth.Change, busBuffer),
		followers: map[*follower]bool{}, lost: o.Client != nil,
	}
}

// Publish sends changes to every follower on every replica. It neither waits
// nor fails.
func (b *Bus) Publish(changes ...auth.Change) {
	b.deliver(changes...)
	if b.opts.Client == nil {
		return
	}
	for _, c := range changes {
		select {
		case b.outbox <- c:
		default:
			b.opts.Logger.Debug("change for other replicas lost, too many wait to be sent")
		}
	}
}

// deliver sends changes to the followers in this process.
func (b *Bus) deliver(changes ...auth.Change) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for f := range b.followers {
		for _, c := range changes {
			f.send(c)
		}
	}
}

// Follow calls onChange for each change until ctx ends, one at a time, those of
// one publisher in their order. The first one is BusBack or BusLost.
func (b *Bus) Follow(ctx context.Context, onChange func(auth.Change)) {
	f := &follower{changes: make(chan auth.Change, busBuffer)}
	b.mu.Lock()
	b.followers[f] = true
	f.send(b.state())
	b.mu.Unlock()
	defer func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.followers, f)
	}()
	for {
		select {
		case <-ctx.Done():
			return
		case c := <-f.changes:
			onChange(c)
		}
		if f.missed.Swap(false) {
			onChange(auth.Change{Kind: BusLost})
			b.mu.Lock()
			state := b.state()
			b.mu.Unlock()
			onChange(state)
		}
	}
}

// send never waits.
func (f *follower) send(c auth.Change) {
	select {
	case f.changes <- c:
	default:
		f.missed.Store(true)
	}
}

// state returns the change that reports the bus's state. The caller holds the
// lock.
func (b *Bus) state() auth.Change {
	if b.lost {
		return auth.Change{Kind: BusLost}
	}
	return auth.Change{Kind: BusBack}
}

// setLost reports to followers whether changes of other replicas arrive.
func (b *Bus) setLost(lost bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.lost == lost {
		return
	}
	b.lost = lost
	for f := range b.followers {
		f.send(b.state())
	}
}

// Run exchanges changes with other replicas until ctx ends.
func (b *Bus) Run(ctx context.Context) {
	if b.opts.Client == nil {
		<-ctx.Done()
		return
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case c := <-b.outbox:
				b.sendBatch(ctx, c)
			}
		}
	})
	for {
		err := b.receive(ctx)
		if ctx.Err() != nil {
			return
		}
		if !b.failed {
			b.opts.Logger.WarnContext(ctx, "subscription to other replicas' changes failed; will retry, meanwhile changes are read from the database", "error", err)
		}
		b.failed = true
		b.setLost(true)
		select {
		case <-ctx.Done():
		case <-b.opts.After(resubscribeAfter):
		}
	}
}

// Flush sends what waits to be sent, for SendTimeout at most. It is for the end
// of a process, and for a process that does not call Run.
func (b *Bus) Flush(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, b.opts.SendTimeout)
	defer cancel()
	for ctx.Err() == nil {
		select {
		case c := <-b.outbox:
			b.sendBatch(ctx, c)
		default:
			return
		}
	}
}

// sendBatch sends a change and those that wait behind it. What cannot be sent
// is lost; followers find it in the store.
func (b *Bus) sendBatch(ctx context.Context, c auth.Change) {
	ctx, cancel := context.WithTimeout(ctx, b.opts.SendTimeout)
	defer cancel()
	pipe := b.opts.Client.Pipeline()
	for more := true; more; {
		if text, err := json.Marshal(message{b.origin, c}); err == nil {
			pipe.Publish(ctx, channel, text)
		}
		more = false
		if pipe.Len() < sendBatchSize {
			select {
			case c = <-b.outbox:
				more = true
			default:
			}
		}
	}
	if _, err := pipe.Exec(ctx); err != nil {
		b.opts.Logger.DebugContext(ctx, "changes for other replicas lost", "error", err)
	}
}

// receive subscribes to the changes of other replicas, and delivers them until
// that fails.
func (b *Bus) receive(ctx context.Context) error {
	sub := b.opts.Client.Subscribe(ctx, channel)
	defer func() { _ = sub.Close() }()
	defer context.AfterFunc(ctx, func() { _ = sub.Close() })() // ReceiveTimeout does not return when ctx ends
	pinged := false
	for {
		reply, err := sub.ReceiveTimeout(ctx, b.opts.Silence)
		var timeout net.Error
		switch {
		case err == nil:
			pinged = false
			b.onReply(ctx, reply)
		case !pinged && errors.As(err, &timeout) && timeout.Timeout():
			pinged = true
			if err := sub.Ping(ctx); err != nil {
				return err
			}
		default:
			return err
		}
	}
}

func (b *Bus) onReply(ctx context.Context, reply any) {
	switch reply := reply.(type) {
	case *redis.Subscription:
		if b.failed {
			b.opts.Logger.InfoContext(ctx, "subscribed to other replicas' changes again")
		}
		b.failed = false
		b.setLost(false)
	case *redis.Message:
		var m message
		err := json.Unmarshal([]byte(reply.Payload), &m)
		if err == nil && m.Origin != b.origin && slices.Contains(auth.ChangeKinds(), m.Kind) {
			b.deliver(m.Change)
		}
	}
}
