package auth

import (
	"context"
	"errors"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// StreamOptions are what Streams need. All fields must be set.
type StreamOptions struct {
	Core *Service
	Keys *APIKeys
	Bus  Bus
	Feed FeedStore
}

// Streams tell those who stay connected what happens: people about their own
// session, programs about the blacklist. They hear of it by the bus, and look
// into the store as well: a bus may lose notices, and streams end all the same
// when who follows may follow no longer. Safe for concurrent use.
type Streams struct {
	StreamOptions
	feed *feed

	mu       sync.Mutex
	sessions map[string]map[*SessionStream]bool // by session id
	keys     map[keyed]APIKeyCaller

	ticks int // used by tick alone
	// checking and polling keep a slow round from being overtaken by the next.
	checking, polling atomic.Bool
}

const (
	// recheckTicks is how many ticks, seconds that is, pass between two looks
	// at who may go on.
	recheckTicks = 2
	// recheckTimeout bounds one round of looks; those that are not reached wait
	// for the next.
	recheckTimeout = 2 * time.Second
	rechecksAtOnce = 8
)

// NewStreams makes streams, which Run keeps going.
func NewStreams(o StreamOptions) *Streams {
	return &Streams{
		StreamOptions: o, feed: newFeed(o),
		sessions: map[string]map[*SessionStream]bool{}, keys: map[keyed]APIKeyCaller{},
	}
}

// Run follows the bus, and at every tick does what is due, until ctx ends.
// Ticks come every second.
func (s *Streams) Run(ctx context.Context, ticks <-chan time.Time) {
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { s.Bus.Follow(ctx, s.hear) })
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks:
			s.tick(ctx, &wg)
		}
	}
}

func (s *Streams) tick(ctx context.Context, wg *sync.WaitGroup) {
	s.ticks++
	if now, err := s.Core.start(); err == nil { // a skewed clock judges nobody
		s.judgeTimes(now)
		if s.ticks%recheckTicks == 0 {
			inBackground(wg, &s.checking, func() { s.recheck(ctx) })
		}
	}
	inBackground(wg, &s.polling, func() { s.feed.round(ctx) })
}

// inBackground does something unless it is still being done.
func inBackground(wg *sync.WaitGroup, busy *atomic.Bool, do func()) {
	if !busy.CompareAndSwap(false, true) {
		return
	}
	wg.Go(func() {
		defer busy.Store(false)
		do()
	})
}

// hear passes a notice on to whom it concerns.
func (s *Streams) hear(n Notice) {
	s.feed.hear(n)
	s.mu.Lock()
	defer s.mu.Unlock()
	for st := range s.sessions[n.SessionID] {
		st.hear(n)
		s.dropEnded(st)
	}
}

// judgeTimes tells streams what time brings.
func (s *Streams) judgeTimes(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, group := range s.sessions {
		for st := range group {
			st.judgeTime(now)
			s.dropEnded(st)
		}
	}
}

// question is what is asked of the store once, however many streams ask.
type question struct {
	session string
	secret  SecretHash
}

// recheck looks whether those who follow still may. Trouble with the store
// ends no stream: nothing can have been revoked that the store does not know.
func (s *Streams) recheck(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, recheckTimeout)
	defer cancel()
	var group errgroup.Group
	group.SetLimit(rechecksAtOnce)
	for _, claims := range s.questions() {
		group.Go(func() error { s.recheckSession(ctx, claims); return nil })
	}
	for st, caller := range s.openKeys() {
		group.Go(func() error { s.recheckKey(ctx, st, caller); return nil })
	}
	_ = group.Wait() // no part of it fails
}

func (s *Streams) questions() map[question]Claims {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := map[question]Claims{}
	for id, group := range s.sessions {
		for st := range group {
			asked[question{id, st.secret}] = st.caller.Claims
		}
	}
	return asked
}

func (s *Streams) recheckSession(ctx context.Context, claims Claims) {
	secret := HashSecret(claims.Secret)
	if s.Core.cache.KnownValid(ctx, claims.SessionID, secret, claims.IssuedAt) {
		return
	}
	st, err := s.Core.store.SessionState(ctx, claims.SessionID, secret)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return
	}
	v := isMissing
	if err == nil {
		v = s.Core.judgeAccess(st, claims, s.Core.now())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for stream := range s.sessions[claims.SessionID] {
		if stream.secret.Equal(secret) {
			stream.learn(st, v)
			s.dropEnded(stream)
		}
	}
}

func (s *Streams) openKeys() map[keyed]APIKeyCaller {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.keys)
}

// dropEnded forgets a stream that has ended. The caller holds the lock.
func (s *Streams) dropEnded(st *SessionStream) {
	if st.over() {
		s.drop(st)
	}
}

func (s *Streams) drop(st *SessionStream) {
	id := st.caller.SessionID
	delete(s.sessions[id], st)
	if len(s.sessions[id]) == 0 {
		delete(s.sessions, id)
	}
}

// Followers returns how many streams of sessions are open.
func (s *Streams) Followers() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, group := range s.sessions {
		for st := range group {
			if st.open() { // and no mere watch
				n++
			}
		}
	}
	return n
}
