package store_test

import (
	"runtime"
	"testing"

	"rekey/internal/auth"
	"rekey/internal/store"
	"rekey/internal/test/throwaway"
)

// BenchmarkStore_Rotate rotates one session in each goroutine. With several
// goroutines (-cpu 8), their rotations share batches.
func BenchmarkStore_Rotate(b *testing.B) {
	for name, options := range map[string]func(b *testing.B) store.Options{
		"SQLite":   func(b *testing.B) store.Options { return store.Options{Path: b.TempDir() + "/rekey.db"} },
		"Postgres": func(b *testing.B) store.Options { return store.Options{URL: throwaway.Postgres(b)} },
	} {
		b.Run(name, func(b *testing.B) {
			s := open(b, options(b))
			sessions := make(chan auth.Rotation, runtime.GOMAXPROCS(0)) // one for each goroutine
			for range cap(sessions) {
				_, r := signUp(b, s)
				sessions <- r
			}
			b.ReportAllocs()
			b.ResetTimer()
			b.RunParallel(func(p *testing.PB) {
				r := <-sessions
				for p.Next() {
					if _, err := s.Rotate(b.Context(), r); err != nil {
						b.Errorf("rotate: %v (%v)", err, auth.AsError(err).Err)
						return
					}
					r.Current, r.Next = r.Next, auth.HashSecret(string(r.Next[:]))
				}
			})
		})
	}
}
