package load

import (
	"sync"
)

// Pair is a token pair and its generation: 1 after login.
type Pair struct {
	Gen             int
	Access, Refresh string
}

// kept is the number of pairs that a session remembers.
const kept = 6

// Session is one chain of rotations.
type Session struct {
	Number int
	ID     string
	// Keyed marks a session whose client sends an idempotency key with each
	// rotation.
	Keyed bool

	mu    sync.Mutex
	pairs []Pair // newest last
}

// Current returns the newest pair that the client knows.
func (s *Session) Current() Pair {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pairs[len(s.pairs)-1]
}

// Earlier returns the pair that was current n rotations ago, or the oldest
// that is remembered.
func (s *Session) Earlier(n int) Pair {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pairs[max(0, len(s.pairs)-1-n)]
}

func (s *Session) push(p Pair) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pairs = append(s.pairs, p)
	if len(s.pairs) > kept {
		s.pairs = s.pairs[1:]
	}
}
