package verify

import (
	"context"
	"errors"
	"sync"
	"time"
)

var (
	// ErrInvalid is in the chain of an error about a token that is not good: 401.
	ErrInvalid = errors.New("token is not good")
	// ErrUnavailable is in the chain of an error when tokens cannot be judged
	// now: 503. It is never a reason to sign anybody out.
	ErrUnavailable = errors.New("tokens cannot be judged now")
)

// Verifier checks access tokens. It is safe for concurrent use.
type Verifier struct {
	o     Options
	keys  *keySet
	list  *blacklist
	asked chan struct{} // bounds introspections at once

	once  sync.Once
	ready chan struct{} // closed when there are keys and a blacklist
}

// introspectionsAtOnce wait for rekey's answer; the others wait for them.
const introspectionsAtOnce = 32

// New returns a Verifier, which knows nothing until Run runs. Its error names
// all problems with the options.
func New(o Options) (*Verifier, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	return &Verifier{
		o: o, keys: newKeySet(o), list: newBlacklist(o.MaxEvents),
		asked: make(chan struct{}, introspectionsAtOnce), ready: make(chan struct{}),
	}, nil
}

// Run keeps keys and blacklist up to date until ctx ends. It is called once.
func (v *Verifier) Run(ctx context.Context) {
	var wg sync.WaitGroup
	wg.Go(func() { v.keys.run(ctx, v.noteReady) })
	wg.Go(func() { v.follow(ctx) })
	wg.Wait()
}

// Ready waits until tokens can be judged for the first time. Its error is
// ctx's.
func (v *Verifier) Ready(ctx context.Context) error {
	select {
	case <-v.ready:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Status is how well a Verifier is informed.
type Status struct {
	KeysUntil      time.Time // when the keys will have become too old, MaxStale included
	BlacklistUntil time.Time // when the blacklist will have, if no more is heard
	Events         int       // of the blacklist that are kept
}

// Status tells how long tokens would be accepted if rekey went away now.
func (v *Verifier) Status() Status {
	heard, events := v.list.status()
	st := Status{KeysUntil: v.keys.until(), Events: events}
	if !heard.IsZero() {
		st.BlacklistUntil = heard.Add(v.o.MaxStale)
	}
	return st
}

func (v *Verifier) noteReady() {
	now, st := v.o.Now(), v.Status()
	if now.Before(st.KeysUntil) && now.Before(st.BlacklistUntil) {
		v.once.Do(func() { close(v.ready) })
	}
}
