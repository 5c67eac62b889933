// Package verify checks rekey's access tokens in another service. It checks the
// signature with the published keys, and follows rekey's blacklist. It sends no
// request to rekey for a token.
//
//	v, err := verify.New(verify.Options{URL: "https://auth.example.com", APIKey: key}) // with the scope blacklist:read
//	go v.Run(ctx)
//	err = v.Ready(ctx)
//	...
//	claims, err := v.Verify(r.Context(), token) // ErrInvalid: 401; ErrUnavailable: 503
//
// A revoked token is refused as soon as rekey has reported the revocation: within
// a second or two, even if rekey runs without Redis. While rekey is unreachable,
// tokens are checked with the last known keys and blacklist for up to MaxStale.
// Then they are refused with ErrUnavailable, or sent to rekey (see [WhenStale]).
// When the stream of the blacklist ends for any reason, Run reconnects and asks for
// everything since the last heartbeat, so that no revocation is missed.
//
// It imports the standard library and golang-jwt, and no other package of rekey.
package verify

import (
	"context"
	"errors"
	"sync"
	"time"
)

var (
	// ErrInvalid is wrapped by errors about an invalid token. Answer 401.
	ErrInvalid = errors.New("token is invalid")
	// ErrUnavailable is wrapped by errors that say that tokens cannot be checked
	// now. Answer 503, and never sign users out because of it.
	ErrUnavailable = errors.New("tokens cannot be checked now")
)

// Verifier checks access tokens. It is safe for concurrent use.
type Verifier struct {
	o              Options
	keys           *keySet
	blacklist      *blacklist
	introspections chan struct{} // has a slot for each one that may run

	once  sync.Once
	ready chan struct{} // closed when there are keys and a blacklist
}

const maxIntrospections = 32 // at the same time

// New returns a Verifier, which refuses all tokens until Run has loaded keys and
// blacklist. Its error names all problems with the options.
func New(o Options) (*Verifier, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	return &Verifier{
		o: o, keys: &keySet{o: o}, blacklist: newBlacklist(o.MaxEvents),
		introspections: make(chan struct{}, maxIntrospections), ready: make(chan struct{}),
	}, nil
}

// Run keeps keys and blacklist up to date until ctx ends. Call it once.
func (v *Verifier) Run(ctx context.Context) {
	var wg sync.WaitGroup
	wg.Go(func() { v.keys.run(ctx, v.checkReady) })
	wg.Go(func() { v.follow(ctx) })
	wg.Wait()
}

// Ready waits until tokens can be checked for the first time. It returns an error
// only if ctx ends.
func (v *Verifier) Ready(ctx context.Context) error {
	select {
	case <-v.ready:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Status reports how current the keys and the blacklist of a Verifier are.
type Status struct {
	KeysUntil      time.Time // when the keys become too old, MaxStale included
	BlacklistUntil time.Time // when the blacklist becomes too old, unless a heartbeat comes
	Events         int       // the number of stored blacklist events
}

// Status returns until when tokens would be accepted if rekey became unreachable
// now.
func (v *Verifier) Status() Status {
	complete, events := v.blacklist.status()
	st := Status{KeysUntil: v.keys.until(), Events: events}
	if !complete.IsZero() {
		st.BlacklistUntil = complete.Add(v.o.MaxStale)
	}
	return st
}

// checkReady makes Ready return once there are keys and a blacklist.
func (v *Verifier) checkReady() {
	now, st := v.o.Now(), v.Status()
	if now.Before(st.KeysUntil) && now.Before(st.BlacklistUntil) {
		v.once.Do(func() { close(v.ready) })
	}
}
