package trial

import (
	"context"
	"runtime"
	"slices"
	"time"

	"rekey/bench/internal/baseline"
	"rekey/bench/internal/bed"
	"rekey/bench/internal/load"
	"rekey/bench/internal/meter"
	"rekey/bench/internal/seed"
)

// Rig holds what all parts measure with.
type Rig struct {
	Binary   bed.Binary
	Dir      string // for files
	Rounds   int
	Window   time.Duration // of one sample
	Now      func() time.Time
	Say      func(format string, args ...any)
	Failed   func(n int) // receives the number of failed requests
	Source   Source
	Sessions []int // how many, for Growth
	Direct   int   // rotations of Chain
	Loads    []int // numbers of clients
}

// site is a server and its Postgres, if it has one.
type site struct {
	server   *bed.Server
	postgres *bed.Postgres
}

// reading holds what was used so far.
type reading struct {
	server, machine time.Duration
	postgres        meter.Postgres
	at              time.Time
}

func (r Rig) read(ctx context.Context, s site) (out reading, err error) {
	out.at = r.Now()
	if out.machine, err = meter.Busy(); err != nil {
		return out, err
	}
	if s.server != nil {
		if out.server, err = meter.CPU(s.server.PID()); err != nil {
			return out, err
		}
	}
	if s.postgres != nil {
		out.postgres, err = meter.ReadPostgres(ctx, s.postgres.Conn, s.postgres.PID())
	}
	return out, err
}

// sample runs the clients and reads the cost of their work.
func (r Rig) sample(ctx context.Context, s site, what string, plan load.Plan) (Sample, error) {
	plan.Addr, plan.Keys, plan.For = s.server.Addr(), r.Binary.Keys, r.Window
	clients, err := load.Prepare(ctx, plan)
	if err != nil {
		return Sample{}, err
	}
	return r.measure(ctx, s, what, plan.Clients, clients.Run)
}

// pgbench takes a sample of pgbench.
func (r Rig) pgbench(ctx context.Context, p *bed.Postgres, b *baseline.PGBench, clients, rows int) (Sample, error) {
	return r.measure(ctx, site{postgres: p}, PGBench, clients, func() (load.Outcome, error) {
		return b.Run(ctx, clients, rows, r.Window)
	})
}

func (r Rig) measure(ctx context.Context, s site, what string, clients int, run func() (load.Outcome, error)) (Sample, error) {
	before, err := r.read(ctx, s)
	if err != nil {
		return Sample{}, err
	}
	o, err := run()
	if err != nil {
		return Sample{}, err
	}
	after, err := r.read(ctx, s)
	if err != nil {
		return Sample{}, err
	}
	used, server, n := after.postgres.Since(before.postgres), after.server-before.server, float64(max(1, o.Done))
	others := after.machine - before.machine - used.CPU - server - o.CPU
	each := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) / n }
	out := Sample{
		What: what, Clients: clients, Done: o.Done, Failed: o.Failed(), Verified: o.Verified,
		Rate: float64(o.Done) / o.Elapsed.Seconds(), P50: o.P50, P99: o.P99,
		ServerCPU: each(server), PostgresCPU: each(used.CPU), ClientCPU: each(o.CPU),
		Statements: float64(used.Statements) / n, Writes: float64(used.Writes) / n, WAL: float64(used.WAL) / n,
		Others: max(0, float64(others)/float64(after.at.Sub(before.at))/float64(runtime.NumCPU())),
	}
	r.Failed(out.Failed)
	r.Say("%-13s %2d clients: %6.0f/s, p50 %6.2f ms, p99 %6.2f ms, CPU %.3f server, %.3f Postgres, %.3f clients ms; %.2f statements, %.2f commits, %4.0f bytes of WAL; others %2.0f %%; %d failed %v",
		what, clients, out.Rate, ms(o.P50), ms(o.P99), out.ServerCPU, out.PostgresCPU, out.ClientCPU, out.Statements, out.Writes, out.WAL, 100*out.Others, out.Failed, o.Errors)
	return out, nil
}

const (
	// quiet is the share of the machine that other processes may use. It
	// includes the kernel's own work.
	quiet = 0.1
	// retakes limits how often a sample is taken.
	retakes = 4
)

// quietest takes a sample again while other processes use too much of the
// machine. It returns the sample that they disturbed least. Each begins with the
// first tokens.
func (r Rig) quietest(ctx context.Context, s site, take func() (Sample, error)) (best Sample, err error) {
	for try := range retakes {
		if try > 0 {
			if err := seed.ResetAll(ctx, s.postgres.Conn); err != nil {
				return best, err
			}
		}
		sample, err := take()
		if err != nil {
			return best, err
		}
		if try == 0 || sample.Others < best.Others {
			best = sample
		}
		if best.Others <= quiet || r.Source.Short {
			break
		}
	}
	return best, nil
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// medians reduces samples to one for each kind of work and load, in the order in
// which they first appear.
func medians(samples []Sample) []Sample {
	type key struct {
		what    string
		clients int
	}
	groups, order := map[key][]Sample{}, []key{}
	for _, s := range samples {
		k := key{s.What, s.Clients}
		if groups[k] == nil {
			order = append(order, k)
		}
		groups[k] = append(groups[k], s)
	}
	out := make([]Sample, len(order))
	for i, k := range order {
		out[i] = medianOf(groups[k])
	}
	return out
}

func medianOf(g []Sample) Sample {
	m := Sample{What: g[0].What, Clients: g[0].Clients}
	for _, s := range g {
		m.Done += s.Done
		m.Failed += s.Failed
		m.Verified += s.Verified
	}
	m.P50 = median(g, func(s Sample) time.Duration { return s.P50 })
	m.P99 = median(g, func(s Sample) time.Duration { return s.P99 })
	m.Rate = median(g, func(s Sample) float64 { return s.Rate })
	m.ServerCPU = median(g, func(s Sample) float64 { return s.ServerCPU })
	m.PostgresCPU = median(g, func(s Sample) float64 { return s.PostgresCPU })
	m.ClientCPU = median(g, func(s Sample) float64 { return s.ClientCPU })
	m.Statements = median(g, func(s Sample) float64 { return s.Statements })
	m.Writes = median(g, func(s Sample) float64 { return s.Writes })
	m.Others = median(g, func(s Sample) float64 { return s.Others })
	m.WAL = median(g, func(s Sample) float64 { return s.WAL })
	return m
}

func median[S any, T float64 | time.Duration](group []S, of func(S) T) T {
	values := make([]T, len(group))
	for i, s := range group {
		values[i] = of(s)
	}
	slices.Sort(values)
	return (values[(len(values)-1)/2] + values[len(values)/2]) / 2
}
