package blacklist_test

import (
	"context"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	"rekey/internal/auth"
	"rekey/internal/blacklist"
	"rekey/internal/store"
	"rekey/internal/test/throwaway"
)

// BenchmarkAccessCheck is the same access check by everything that can answer
// it. "token" is what it costs before anybody is asked: reading the token and
// verifying its signature. docs/explanation/scaling.md has the figures.
func BenchmarkAccessCheck(b *testing.B) {
	for _, is := range []struct {
		name  string
		open  func(b *testing.B) store.Options
		cache func(b *testing.B, s *stage) *blacklist.Cache
	}{
		{"token", sqliteFile, nil},
		{"memory", sqliteFile, func(_ *testing.B, s *stage) *blacklist.Cache { return blacklist.NewMemory(s.options()) }},
		{"redis", postgresURL, func(b *testing.B, s *stage) *blacklist.Cache { return openRedis(b, s, throwaway.Redis(b).URL()) }},
		{"sqlite", sqliteFile, func(_ *testing.B, s *stage) *blacklist.Cache { return blacklist.NewNone(s.options()) }},
		{"postgres", postgresURL, func(_ *testing.B, s *stage) *blacklist.Cache { return blacklist.NewNone(s.options()) }},
	} {
		b.Run(is.name, func(b *testing.B) {
			check := openCheck(b, is.open(b), is.cache)
			b.Run("1", func(b *testing.B) {
				defer reportCPU(b)()
				for b.Loop() {
					check(b)
				}
			})
			b.Run("32", func(b *testing.B) {
				defer reportCPU(b)()
				b.SetParallelism(max(1, 32/runtime.GOMAXPROCS(0)))
				b.RunParallel(func(p *testing.PB) {
					for p.Next() {
						check(b)
					}
				})
			})
		})
	}
}

// reportCPU adds what a check takes of this process's processor time, without
// the servers'.
func reportCPU(b *testing.B) (report func()) {
	b.Helper()
	b.ReportAllocs()
	used := func() int64 {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Error(err)
		}
		return u.Utime.Nano() + u.Stime.Nano()
	}
	before := used()
	return func() { b.ReportMetric(float64(used()-before)/float64(b.N), "cpu-ns/op") }
}

func sqliteFile(b *testing.B) store.Options {
	return store.Options{Path: filepath.Join(b.TempDir(), "rekey.db")}
}

func postgresURL(b *testing.B) store.Options { return store.Options{URL: throwaway.Postgres(b)} }

// trusting is a blacklist that clears everything.
type trusting struct{}

func (trusting) Invalidate(context.Context, ...auth.Invalidation) error { return nil }

func (trusting) KnownValid(context.Context, string, auth.SecretHash, time.Time) bool { return true }

// wantOneOutcome fails a benchmark that has measured a mixture.
func wantOneOutcome(b *testing.B, c *blacklist.Cache) {
	counts := c.Counts()
	if counts[blacklist.Cleared] > 0 == (counts[blacklist.AskedUntrusted] > 0) || counts[blacklist.AskedUnanswered] > 0 {
		b.Errorf("outcomes %v", counts)
	}
}

// openCheck returns an access check with a token that is newer than the marker.
// Both clocks stand still, so what was trusted once is trusted on.
func openCheck(b *testing.B, o store.Options, cache func(*testing.B, *stage) *blacklist.Cache) func(*testing.B) {
	b.Helper()
	s := newStage(b)
	const round = margin + time.Second
	o.DatabaseClock = strconv.FormatInt(s.clock.Now().Add(2*round).UnixMicro(), 10) // the time at the checks
	st, err := store.Open(b.Context(), o)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = st.Close() })
	if _, err := st.Migrate(b.Context()); err != nil {
		b.Fatal(err)
	}
	core := newCore(b, s, st, trusting{})
	if cache != nil {
		c := cache(b, s)
		core = newCore(b, s, st, c)
		b.Cleanup(func() { wantOneOutcome(b, c) })
		for range 2 {
			if err := c.Round(b.Context()); err != nil {
				b.Fatal(err)
			}
			s.clock.Advance(round)
		}
		if err := c.Round(b.Context()); err != nil {
			b.Fatal(err)
		}
	} else {
		s.clock.Advance(2 * round)
	}
	g, err := core.SignUp(b.Context(), auth.SignUpInput{Name: "Someone", Email: "someone@example.com", Password: "correct horse battery"}, auth.Client{})
	if err != nil {
		b.Fatal(err)
	}
	return func(b *testing.B) {
		if _, err := core.Authenticate(b.Context(), g.AccessToken, auth.Client{}); err != nil {
			b.Error(err)
		}
	}
}
