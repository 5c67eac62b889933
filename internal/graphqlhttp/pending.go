package graphqlhttp

import (
	"context"
	"errors"
	"slices"

	"rekey/internal/auth"
)

// place is the place of a WebSocket: one of the few for sockets that have not
// authenticated yet, and then one of the places for streams. A stranger without
// credentials therefore never takes a place for streams.
type place struct {
	streams *Streams
	address string // as limits know it
	evict   context.CancelCauseFunc

	// stream is whether it is a place for streams. Guarded by Streams.mu.
	stream bool
}

// errEvicted is the cause of a context whose socket lost its place.
var errEvicted = errors.New("too many sockets wait to authenticate")

// enter takes a place for a new socket. If all are taken, the socket that has
// waited longest loses its own: one of the same network if that has its share,
// else one of the network that has most. The returned context then ends. The
// error is an *auth.Error.
func (s *Streams) enter(ctx context.Context) (context.Context, *place, error) {
	p := &place{streams: s, address: auth.AddressKey(auth.ClientFrom(ctx).Address)}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.full(p.address); err != nil {
		return nil, nil, err
	}
	byAddress := map[string]int{}
	most := p.address
	for _, other := range s.pending {
		byAddress[other.address]++
		if byAddress[other.address] > byAddress[most] {
			most = other.address
		}
	}
	switch {
	case byAddress[p.address] >= s.limits.PendingPerAddress:
		s.evictFirst(p.address)
	case len(s.pending) >= s.limits.Pending:
		s.evictFirst(most)
	}
	ctx, p.evict = context.WithCancelCause(ctx)
	s.pending = append(s.pending, p)
	s.open.Add(1)
	return ctx, p, nil
}

// evictFirst ends the context of the oldest pending socket of an address. The
// caller holds the lock.
func (s *Streams) evictFirst(address string) {
	i := slices.IndexFunc(s.pending, func(p *place) bool { return p.address == address })
	s.pending[i].evict(errEvicted)
	s.pending = slices.Delete(s.pending, i, i+1)
}

// authenticated exchanges the place for one of those for streams. The error is an
// *auth.Error.
func (p *place) authenticated() error {
	s := p.streams
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.Index(s.pending, p)
	if i < 0 {
		return auth.Unavailable(errEvicted)
	}
	if err := s.full(p.address); err != nil {
		return err
	}
	s.pending = slices.Delete(s.pending, i, i+1)
	p.stream = true
	s.total++
	s.counts[p.address]++
	return nil
}

// leave gives the place back.
func (p *place) leave() {
	s := p.streams
	p.evict(context.Canceled) // frees the context
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.stream {
		s.forget(p.address)
	} else if i := slices.Index(s.pending, p); i >= 0 {
		s.pending = slices.Delete(s.pending, i, i+1)
	}
	s.open.Done()
}

// Pending returns the number of WebSockets that have not authenticated yet.
func (s *Streams) Pending() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.pending)
}
