package blacklist_test

import (
	"testing"
	"time"

	"rekey/internal/auth"
	"rekey/internal/blacklist"
	"rekey/internal/throwaway"
)

func BenchmarkCache_Clear(b *testing.B) {
	b.Run("memory", func(b *testing.B) {
		s := newStage()
		benchmarkClear(b, s, blacklist.NewMemory(s.options()))
	})
	b.Run("redis", func(b *testing.B) {
		s := newStage()
		benchmarkClear(b, s, openRedis(b, s, throwaway.Redis(b).URL()))
	})
}

func benchmarkClear(b *testing.B, s *stage, c *blacklist.Cache) {
	if err := c.Join(b.Context()); err != nil {
		b.Fatal(err)
	}
	issued, secret := s.clock.Now().Add(margin+time.Second), auth.HashSecret("one")
	b.ReportAllocs()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			if !c.Clear(b.Context(), session, secret, issued) {
				b.Error("not clear")
				return
			}
		}
	})
}
