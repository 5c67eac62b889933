package report

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"rekey/bench/internal/trial"
)

// target holds a target and the measured value.
type target struct {
	what, want, got string
	reached         bool
}

func (t target) verdict() string {
	if t.reached {
		return "reached"
	}
	return "missed"
}

const (
	mib = 1 << 20
	// rounding is the difference that is ignored. The server's regular
	// statements, such as reading the database's clock, are a few in ten
	// thousand.
	rounding = 0.005
)

// targets returns the targets for the parts that were measured.
func targets(r trial.Results) []target {
	var out []target
	atMost := func(what string, got, limit float64, format string) {
		out = append(out, target{what, "at most " + fmt.Sprintf(format, limit), fmt.Sprintf(format, got), got <= limit+rounding})
	}
	atLeast := func(what string, got, limit float64, format string) {
		out = append(out, target{what, "at least " + fmt.Sprintf(format, limit), fmt.Sprintf(format, got), got >= limit-rounding})
	}
	if f := r.Refresh; f != nil {
		ours, rest, theirs := f.Of(trial.GraphQL, 32), f.Of(trial.REST, 32), f.Of(trial.PGBench, 32)
		atLeast("refreshes/s at 32 clients, GraphQL, of pgbench's swaps/s", ratio(ours.Rate, theirs.Rate), 0.45, "%.2f")
		atLeast("the same, legacy route", ratio(rest.Rate, theirs.Rate), 0.45, "%.2f")
		atMost("server CPU a refresh, of its bare cryptography (all cores busy)", ratio(ours.ServerCPU, millis(f.Crypto.Busy)), 1.8, "%.2f")
		atMost("SQL statements a refresh", ours.Statements, 1, "%.2f")
		atMost("commits a refresh", ours.Writes, 1, "%.2f")
		atMost("WAL a refresh, of pgbench's", ratio(ours.WAL, theirs.WAL), 1.5, "%.2f")
		atLeast("updates in place (HOT)", ratio(float64(f.Table.HOT), float64(f.Table.Updates)), 0.95, "%.3f")
		atMost("p99 at 8 clients, of pgbench's", ratio(millis(f.Of(trial.GraphQL, 8).P99), millis(f.Of(trial.PGBench, 8).P99)), 3, "%.1f")
		atMost("RSS after 64 clients, peak", float64(f.Loaded.Peak)/mib, 60, "%.0f MiB")
	}
	if s := r.Start; s != nil {
		atMost("RSS idle, on SQLite", float64(s.Idle.Now)/mib, 30, "%.0f MiB")
		atMost("start to first answer, SQLite with data", millis(s.Again), 150, "%.0f ms")
	}
	if g := r.Growth; g != nil && len(g.Points) > 1 {
		first, last := g.Points[0].Ours, g.Points[len(g.Points)-1].Ours
		what := fmt.Sprintf("CPU a refresh, server and Postgres, at %s sessions, of that at %s",
			count(g.Points[len(g.Points)-1].Sessions), count(g.Points[0].Sessions))
		atMost(what, ratio(last.ServerCPU+last.PostgresCPU, first.ServerCPU+first.PostgresCPU), 1.2, "%.2f")
	}
	if c := r.Chain; c != nil {
		atMost(fmt.Sprintf("pages of the table of one session, rotated %s times", count(c.Direct+c.Through)), float64(c.Table.Pages), 10, "%.0f")
	}
	if e := r.Embedded; e != nil {
		best := slices.MaxFunc(e.Samples, func(a, b trial.Sample) int { return cmp.Compare(a.Rate, b.Rate) })
		what := fmt.Sprintf("refreshes/s on SQLite, %d clients, of a bare loop of the statement", best.Clients)
		atLeast(what, ratio(best.Rate, e.Bare), 0.5, "%.2f")
	}
	return out
}

func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// count formats 1000000 as 1 M.
func count(n int) string {
	switch {
	case n >= 1_000_000 && n%1_000_000 == 0:
		return fmt.Sprintf("%d M", n/1_000_000)
	case n >= 1_000_000:
		return fmt.Sprintf("%.2f M", float64(n)/1_000_000)
	case n >= 1000 && n%1000 == 0:
		return fmt.Sprintf("%d k", n/1000)
	}
	return fmt.Sprint(n)
}
