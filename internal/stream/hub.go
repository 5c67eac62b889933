// Package stream sends changes of sessions to the clients that follow them:
// people follow their own session, resource servers follow the blacklist.
//
// One type of event, [auth.Change], passes through two channels. The store
// publishes it after its commit, and a [Bus] carries it to the [Hub] of every
// replica; each hub sends it to its subscribers. A bus may lose changes, so the
// hub reads them from the store as well.
package stream

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"rekey/internal/auth"
)

// Core is the part of [auth.Service] that a Hub uses.
type Core interface {
	// ClockSkewed reports whether the last check of the clock failed.
	ClockSkewed() bool
	CheckClock(ctx context.Context) error
	// KnownValid reports whether an access token is certainly still valid,
	// without asking the store.
	KnownValid(ctx context.Context, c auth.Claims) bool
	// AccessSession reads an access token's session. Its error is the one that
	// the token is refused with now. It returns the session with that error if
	// there is one.
	AccessSession(ctx context.Context, c auth.Claims) (auth.Session, error)
}

// Options configure a Hub. All fields are required.
type Options struct {
	Core Core
	// CheckKey returns CodeUnauthenticated if an API key is no longer valid.
	CheckKey func(ctx context.Context, caller auth.APIKeyCaller) error
	Bus      *Bus
	Store    auth.ChangeStore
	Logger   *slog.Logger
	Now      func() time.Time
	// The settings of the core.
	AccessTTL     time.Duration
	AccessOverlap time.Duration
	ClockLeeway   time.Duration
}

// Hub sends changes to subscribers. It gets them from the bus, and reads the
// store for what the bus may have lost. It ends a stream when its subscriber's
// access token or API key becomes invalid. It is safe for concurrent use.
type Hub struct {
	opts Options
	feed *feed

	mu       sync.Mutex
	sessions map[string][]*SessionStream // by session id
	keys     map[*subscription]auth.APIKeyCaller

	ticks int // used by tick alone
	// These are held while the work of one tick lasts; the next is left out.
	rechecking, reading sync.Mutex
}

const (
	// recheckTicks is how many ticks, one a second, are between two checks of
	// all subscribers' tokens and keys.
	recheckTicks = 2
	// recheckTimeout bounds one such round. Subscribers that it does not reach
	// wait for the next.
	recheckTimeout = 2 * time.Second
	rechecksAtOnce = 8
)

// NewHub returns a hub. Run keeps it going.
func NewHub(o Options) *Hub {
	return &Hub{
		opts: o, feed: &feed{
			opts: o, followers: map[*FeedStream]bool{}, busLost: true,
			log: changeLog{limit: logLimit}, seen: newRecentChanges(),
		},
		sessions: map[string][]*SessionStream{}, keys: map[*subscription]auth.APIKeyCaller{},
	}
}

// Run follows the bus, and does what is due at every tick, until ctx ends.
// Ticks arrive every second.
func (h *Hub) Run(ctx context.Context, ticks <-chan time.Time) {
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { h.opts.Bus.Follow(ctx, h.onChange) })
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks:
			h.tick(ctx, &wg)
		}
	}
}

func (h *Hub) tick(ctx context.Context, wg *sync.WaitGroup) {
	background := func(running *sync.Mutex, work func(context.Context)) {
		if running.TryLock() {
			wg.Go(func() {
				defer running.Unlock()
				work(ctx)
			})
		}
	}
	h.ticks++
	skewed := h.opts.Core.ClockSkewed() // a wrong clock judges no token
	h.checkExpiry(skewed)
	if !skewed && h.ticks%recheckTicks == 0 {
		background(&h.rechecking, h.recheck)
	}
	background(&h.reading, h.feed.tick)
}

// onChange passes a change on to the subscribers that it concerns.
func (h *Hub) onChange(c auth.Change) {
	h.feed.onChange(c)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.each(c.SessionID, func(st *SessionStream) { st.onChange(c) })
}

// each calls handle for the streams of a session, and forgets those that have
// ended. The caller holds the lock.
func (h *Hub) each(sessionID string, handle func(*SessionStream)) {
	streams := slices.DeleteFunc(h.sessions[sessionID], func(st *SessionStream) bool {
		handle(st)
		return st.ended()
	})
	if h.sessions[sessionID] = streams; len(streams) == 0 {
		delete(h.sessions, sessionID)
	}
}

func (h *Hub) checkExpiry(skewed bool) {
	now := h.opts.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	for id := range h.sessions {
		h.each(id, func(st *SessionStream) {
			if !skewed {
				st.checkExpiry(now)
			}
		})
	}
}

// recheck checks whether subscribers' tokens and keys are still valid. If the
// store cannot be read, streams go on: then nothing can have been revoked.
func (h *Hub) recheck(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, recheckTimeout)
	defer cancel()
	h.mu.Lock()
	maps.DeleteFunc(h.keys, func(s *subscription, _ auth.APIKeyCaller) bool { return s.ended() })
	keys := maps.Clone(h.keys)
	tokens := map[auth.SecretHash]auth.Claims{} // each token once, however many streams it has
	for _, streams := range h.sessions {
		for _, st := range streams {
			tokens[st.secret] = st.claims
		}
	}
	h.mu.Unlock()
	var group sync.WaitGroup
	slots := make(chan struct{}, rechecksAtOnce)
	check := func(f func()) {
		slots <- struct{}{}
		group.Go(func() { f(); <-slots })
	}
	for secret, claims := range tokens {
		check(func() { h.recheckToken(ctx, secret, claims) })
	}
	for sub, caller := range keys {
		check(func() {
			if err := h.opts.CheckKey(ctx, caller); unauthenticated(err) {
				sub.end(err)
			}
		})
	}
	group.Wait()
}

func (h *Hub) recheckToken(ctx context.Context, secret auth.SecretHash, claims auth.Claims) {
	if h.opts.Core.KnownValid(ctx, claims) {
		return
	}
	session, err := h.opts.Core.AccessSession(ctx, claims)
	if err != nil && !unauthenticated(err) {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.each(claims.SessionID, func(st *SessionStream) {
		if st.secret.Equal(secret) {
			st.onState(session, err)
		}
	})
}

func unauthenticated(err error) bool {
	return err != nil && auth.AsError(err).Code == auth.CodeUnauthenticated
}

// WatchKey waits until an API key is no longer valid, and returns the reason,
// or ctx's cause if ctx ends first.
func (h *Hub) WatchKey(ctx context.Context, caller auth.APIKeyCaller) error {
	sub := newSubscription(ctx, 0)
	defer sub.Close()
	h.joinKey(sub, caller)
	_, err := sub.Next()
	return err
}

// joinKey has a subscription end when the caller's API key becomes invalid.
func (h *Hub) joinKey(sub *subscription, caller auth.APIKeyCaller) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.keys[sub] = caller
}

// Followers returns how many people follow their session.
func (h *Hub) Followers() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for _, streams := range h.sessions {
		for _, st := range streams {
			if st.open() && !st.ended() {
				n++
			}
		}
	}
	return n
}
