package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"rekey/bench/faults/internal/check"
	"rekey/bench/faults/internal/control"
	"rekey/bench/faults/internal/load"
	"rekey/bench/faults/internal/report"
	"rekey/bench/faults/internal/stage"
	"rekey/bench/faults/internal/strike"
	"rekey/bench/faults/internal/world"
)

var (
	errFindings  = errors.New("something happened that must never happen")
	errLoad      = errors.New("too little load")
	errMissed    = errors.New("a fault did not strike")
	errNotCaught = errors.New("something bad was not caught")
	errLate      = errors.New("something that should happen did not happen in time")
)

func run(ctx context.Context, args []string, stdout io.Writer, now func() time.Time) error {
	o, err := parse(args, stdout)
	if err != nil {
		return err
	}
	remove, err := o.build(ctx)
	if err != nil {
		return err
	}
	defer remove()
	b := &bench{options: o, now: now, stdout: stdout}
	b.report.At = now()
	err = b.all(ctx)
	b.report.Took = now().Sub(b.report.At)
	return errors.Join(err, b.write(ctx, args))
}

// bench is one run.
type bench struct {
	options
	now    func() time.Time
	report report.Report

	mu     sync.Mutex // guards stdout
	stdout io.Writer
}

func (b *bench) say(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	fmt.Fprintf(b.stdout, format+"\n", args...)
}

// all runs the stages and the controls. A short run runs them at the same time,
// because they wait most of the time, unless the machine is slow.
func (b *bench) all(ctx context.Context) error {
	disk, err := world.OpenDisk()
	if err != nil {
		b.report.Skipped = append(b.report.Skipped, "a full disk under Postgres, "+err.Error())
		b.say("skipped: a full disk under Postgres: %v", err)
	}
	first, second, third := b.first(), b.second(disk), b.third()
	var errs [4]error
	if b.short && !b.slow {
		var beside sync.WaitGroup
		beside.Go(func() { errs[1], errs[2], errs[3] = b.stage(ctx, second), b.stage(ctx, third), b.controls(ctx) })
		errs[0] = b.stage(ctx, first)
		beside.Wait()
	} else {
		errs[0], errs[1], errs[2], errs[3] = b.stage(ctx, first), b.stage(ctx, second), b.stage(ctx, third), b.controls(ctx)
	}
	if disk != nil {
		err = disk.Close()
	}
	return errors.Join(errors.Join(errs[:]...), err)
}

// stage runs a stage if any of its faults is selected.
func (b *bench) stage(ctx context.Context, p stage.Plan) error {
	p.Faults = slices.DeleteFunc(p.Faults, func(f strike.Fault) bool { return !b.wants(f.Name) })
	if len(p.Faults) == 0 {
		return nil
	}
	out, err := stage.Run(ctx, p)
	if len(out.Records) == 0 {
		return err
	}
	b.mu.Lock()
	b.report.Outcomes = append(b.report.Outcomes, out)
	b.mu.Unlock()
	return errors.Join(err, b.verdict(out))
}

// clients returns the load of a stage. A short run has two stages at the same
// time.
func (b *bench) clients() load.Options {
	switch {
	case b.slow:
		return load.Options{Chains: 12, Rate: 25, Checkers: 4, Checks: 16, Forgetters: 1}
	case b.short:
		return load.Options{Chains: 60, Rate: 180, Checkers: 8, Checks: 100, Forgetters: 1}
	}
	return load.Options{Chains: 60, Rate: 250, Checkers: 8, Checks: 160, Forgetters: 2}
}

// leastRate is the number of acknowledged refreshes per second that a stage
// needs to count, outages included.
func (b *bench) leastRate() float64 {
	if b.slow {
		return 10
	}
	return 100
}

func (b *bench) first() stage.Plan {
	p := stage.Plan{
		Name:   "one Redis, Postgres with a synchronous standby",
		World:  world.Options{Binary: b.binary, Replicas: 3, Standby: true, Redis: world.SingleRedis},
		Faults: strike.All(), Load: b.clients(), Now: b.now, Say: b.say,
	}
	if !b.short {
		p.For = b.length * 3 / 4
	}
	return p
}

// second returns the second stage, without the full disk if this machine cannot
// mount one.
func (b *bench) second(disk *world.Disk) stage.Plan {
	p := stage.Plan{
		Name:   "a Redis cluster, Postgres on a small disk",
		World:  world.Options{Binary: b.binary, Replicas: 3, Redis: world.ClusterRedis},
		Faults: strike.Cluster(), Load: b.clients(), Now: b.now, Say: b.say,
	}
	if disk != nil {
		p.World.DataParent = disk.Dir
		p.World.PostgresArgs = []string{"-c", "min_wal_size=32MB", "-c", "max_wal_size=64MB"}
		p.Faults = append([]strike.Fault{strike.DiskFull(disk)}, p.Faults...)
	}
	if !b.short {
		p.For = b.length / 4
	}
	return p
}

// third returns the stage whose clients use the replicas that report that they
// are ready.
func (b *bench) third() stage.Plan {
	p := stage.Plan{
		Name: "two replicas behind a balancer",
		World: world.Options{Binary: b.binary, Replicas: 2, Redis: world.SingleRedis,
			Env: []string{"SHUTDOWN_DELAY=" + strike.ShutdownDelay.String()}},
		Faults: []strike.Fault{strike.RollingRestart()}, Load: b.clients(), Now: b.now, Say: b.say,
	}
	p.Load.Balanced = true
	p.Load.Forgetters = 0 // their requests may be refused, because too many passwords are being hashed
	return p
}

// showOf is how many findings of a rule are shown for each fault.
const showOf = 2

// verdict reports the result of a stage. It returns an error if a requirement is
// not met.
func (b *bench) verdict(out stage.Outcome) error {
	var errs []error
	b.say("== %s: %d requests of %d sessions, %.0f refreshes/s", out.Plan, len(out.Records), out.Sessions, out.Rate())
	if least := b.leastRate(); out.Rate() < least {
		errs = append(errs, fmt.Errorf("%w: %s: %.0f refreshes/s, want %.0f", errLoad, out.Plan, out.Rate(), least))
	}
	for _, s := range out.Strikes {
		if s.Evidence == "" {
			errs = append(errs, fmt.Errorf("%w: %s", errMissed, s.Fault))
		}
	}
	bad := slices.DeleteFunc(slices.Clone(out.Findings), func(f check.Finding) bool { return f.Bounded })
	shown := map[string]int{}
	for _, f := range bad {
		kind := fmt.Sprintf("%s during %q", f.Rule, strike.During(out.Strikes, f.At))
		if shown[kind]++; shown[kind] > showOf {
			continue
		}
		b.say("FINDING %s: %v", kind, f)
		if b.verbose {
			b.say("%s", f.Around(out.Records))
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(shown)) {
		b.say("%d times %s", shown[kind], kind)
	}
	switch {
	case slices.ContainsFunc(bad, func(f check.Finding) bool { return !f.Rule.Timed() }):
		errs = append(errs, errFindings)
	case len(bad) > 0:
		errs = append(errs, errLate)
	}
	return errors.Join(errs...)
}

// together returns how many worlds of controls run at the same time.
func (b *bench) together() int {
	if b.slow {
		return 1
	}
	return 4
}

// controls runs the scenarios in which the checks must find a fault.
func (b *bench) controls(ctx context.Context) error {
	all := slices.DeleteFunc(slices.Concat(control.BadBuilds(), control.Losses()), func(c control.Control) bool { return !b.wants(c.Name) })
	if len(all) == 0 {
		return nil
	}
	verdicts, err := control.Setting{Binary: b.binary, Now: b.now, Together: b.together()}.Run(ctx, all)
	b.report.Controls = verdicts
	errs := []error{err}
	for _, v := range verdicts {
		b.say("%-24s caught as %v (%d), the good build passes: %v", v.Name, v.Caught, v.Count, v.Clean)
		for _, f := range v.Good {
			b.say("FINDING in the good build: %v", f)
		}
		switch {
		case !v.Clean:
			errs = append(errs, fmt.Errorf("%w, in the good build: %s", errFindings, v.Name))
		case !v.OK():
			errs = append(errs, fmt.Errorf("%w: %s", errNotCaught, v.Name))
		}
	}
	return errors.Join(errs...)
}
