package blacklist_test

import (
	"slices"
	"testing"
	"time"

	"rekey/internal/redispool"
)

// BenchmarkAccessCheck_Trouble is an access check, one after the other, while
// Redis hangs or is slow, with the limits of production. "waits" is how many
// took over 40 ms. No rounds are made: they would end the waiting sooner.
func BenchmarkAccessCheck_Trouble(b *testing.B) {
	for _, is := range []struct {
		name  string
		begin func(tr failure)
	}{
		{"none", func(failure) {}},
		{"hang", func(tr failure) { tr.proxy.Hang(true) }},
		{"late", func(tr failure) { tr.proxy.Delay(100 * time.Millisecond) }},
	} {
		b.Run(is.name, func(b *testing.B) {
			tr := openTrouble(b, redispool.Options{})
			g := tr.signUp(b)
			tr.check(b, g)
			is.begin(tr)
			var took []time.Duration
			for b.Loop() {
				start := time.Now()
				tr.check(b, g)
				took = append(took, time.Since(start))
			}
			report(b, took)
		})
	}
}

func report(b *testing.B, took []time.Duration) {
	b.Helper()
	slices.Sort(took)
	fast, _ := slices.BinarySearch(took, 40*time.Millisecond)
	b.ReportMetric(float64(len(took)-fast), "waits")
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
	b.ReportMetric(float64(took[len(took)-1].Microseconds()), "max-µs")
}
