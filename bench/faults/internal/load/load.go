package load

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"rekey/bench/faults/internal/check"
	"rekey/bench/faults/internal/history"
	"rekey/bench/faults/internal/inbox"
)

// Options sets the amount of load.
type Options struct {
	Chains   int // sessions at the same time
	Rate     int // target of all chains together, in refreshes per second
	Checkers int
	Checks   int // target of all checkers together, in access checks per second
	// Forgetters is the number of clients that reset passwords, each of them every
	// three seconds.
	Forgetters int
	// Balanced makes clients use replicas that /readyz reports as ready, as
	// behind a balancer; otherwise they use all.
	Balanced bool
}

// Load holds the clients and what they remember.
type Load struct {
	client *Client
	log    *history.Log
	opts   Options
	inbox  *inbox.Inbox
	users  []string
	keys   atomic.Int64

	mu       sync.Mutex
	sessions []*Session
	live     []*Session // one per chain; nil between logout and login
	ended    []*Session // the sessions that were logged out last
	secrets  map[string]struct{}
}

const (
	password = "bench: correct horse battery"
	users    = 8
	tries    = 5 // how often a request may fail before the load has begun
	// keyPrefix begins every idempotency key, so that logs can be searched.
	keyPrefix = "bench-idempotency-"
	// retryPause is how long a client waits before it repeats a request.
	retryPause = 100 * time.Millisecond
	// keptEnded is the number of ended sessions that are still checked.
	keptEnded = 16
)

// New prepares clients. Run starts them.
func New(c *Client, log *history.Log, in *inbox.Inbox, o Options) *Load {
	return &Load{client: c, log: log, inbox: in, opts: o, live: make([]*Session, o.Chains), secrets: map[string]struct{}{}}
}

// Prepare creates the accounts.
func (l *Load) Prepare(ctx context.Context) error {
	var last Answer
	for try := range tries * users {
		email := fmt.Sprintf("bench-%d-%d@example.com", try, rand.Uint32())
		last = l.client.SignUp(ctx, try%l.client.Replicas(), email, password)
		if last.Outcome == history.Done {
			l.users = append(l.users, email)
		}
		if len(l.users) == users {
			return nil
		}
	}
	return fmt.Errorf("sign-up: %s %s", last.Outcome, last.Reason)
}

// Run runs the clients until ctx ends. Each client then determines the outcome
// of its last request.
func (l *Load) Run(ctx context.Context) {
	var wg sync.WaitGroup
	if l.opts.Balanced {
		wg.Go(func() { l.client.Balance(ctx, l.log.Now) })
	}
	for i := range l.opts.Chains {
		wg.Go(func() { l.chain(ctx, i) })
	}
	for range l.opts.Checkers {
		wg.Go(func() { l.check(ctx) })
	}
	for range l.opts.Forgetters {
		wg.Go(func() { l.forget(ctx) })
	}
	wg.Wait()
}

// Sessions returns all sessions so far, by number.
func (l *Load) Sessions() []*Session {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]*Session(nil), l.sessions...)
}

// Secrets returns everything that only its client may know: the secrets of
// sessions, the signatures of tokens, the tokens of links, the password and the prefix of idempotency
// keys.
func (l *Load) Secrets() check.Secrets { return check.Secrets{Exact: l.secrets, Parts: confided()} }

// confided returns what clients send to the replicas in confidence.
func confided() []string { return []string{password, keyPrefix} }

// Open logs in. It returns a new session with its first pair.
func (l *Load) Open(ctx context.Context, keyed bool) (*Session, error) {
	return l.open(ctx, l.users[rand.IntN(len(l.users))], keyed)
}

func (l *Load) open(ctx context.Context, email string, keyed bool) (*Session, error) {
	replica, start := l.client.Any(), l.log.Now()
	a := l.client.Login(ctx, replica, email, password)
	if a.Outcome != history.Done {
		return nil, fmt.Errorf("login at replica %d: %s %s", replica, a.Outcome, a.Reason)
	}
	return l.opened(a, keyed, replica, start)
}

// opened returns the new session of an answer, and records its login.
func (l *Load) opened(a Answer, keyed bool, replica int, start time.Duration) (*Session, error) {
	claims, err := ReadClaims(a.Refresh)
	if err != nil {
		return nil, err
	}
	s := &Session{ID: claims.SessionID, Keyed: keyed, pairs: []Pair{{Gen: 1, Access: a.Access, Refresh: a.Refresh}}}
	l.mu.Lock()
	defer l.mu.Unlock()
	s.Number = len(l.sessions)
	l.sessions = append(l.sessions, s)
	l.keep(claims.Secret, a)
	l.log.Add(history.Record{Session: s.Number, Kind: history.Login, Gen: 1, Replica: replica, Transport: GraphQL,
		Start: start, End: l.log.Now(), Outcome: history.Done})
	return s, nil
}

func (l *Load) setLive(chain int, s *Session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.live[chain] = s
}

// Key is an idempotency key; the zero Key stands for no key.
type Key int

// NewKey returns a key that was not used before.
func (l *Load) NewKey() Key { return Key(l.keys.Add(1)) }

func (k Key) text() string {
	if k == 0 {
		return ""
	}
	return fmt.Sprintf("%s%012d", keyPrefix, k)
}

// pause waits for d. It returns false if ctx ended.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(max(0, d))
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
