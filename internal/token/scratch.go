package token

import "sync"

// scratch is room to spell a token in, enough for most.
type scratch struct{ text, token [1024]byte }

// scratches keep it from one token to the next.
type scratches struct{ pool sync.Pool }

func (s *scratches) get() *scratch {
	if kept, ok := s.pool.Get().(*scratch); ok {
		return kept
	}
	return new(scratch)
}

func (s *scratches) put(used *scratch) { s.pool.Put(used) }
