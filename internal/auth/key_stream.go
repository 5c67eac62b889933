package auth

import "context"

// keyed is a stream that ends when its holder's API key does.
type keyed interface{ end(err error) }

// WatchAPIKey waits until an API key is good no longer, and returns why; ctx's
// cause when that ends before.
func (s *Streams) WatchAPIKey(ctx context.Context, caller APIKeyCaller) error {
	st := newEnding()
	s.joinKey(st, caller)
	defer s.dropKey(st)
	return st.wait(ctx)
}

func (s *Streams) joinKey(st keyed, caller APIKeyCaller) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys[st] = caller
}

func (s *Streams) dropKey(st keyed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.keys, st)
}

// recheckKey looks whether a key is still good, and ends a stream if not.
func (s *Streams) recheckKey(ctx context.Context, st keyed, caller APIKeyCaller) {
	if err := s.Keys.stillGood(ctx, caller); err != nil && AsError(err).Code == CodeUnauthenticated {
		st.end(err)
	}
}
