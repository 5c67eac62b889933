package main

import (
	"context"
	"errors"
	"fmt"
	"io"
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
	errLoad      = errors.New("too little load: the run does not count")
	errMissed    = errors.New("a fault did not strike")
	errNotCaught = errors.New("something bad was not caught")
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

	mu     sync.Mutex // of stdout
	stdout io.Writer
}

func (b *bench) say(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	fmt.Fprintf(b.stdout, format+"\n", args...)
}

// all runs the stages and the controls. A short run plays the controls beside
// the second stage: they wait most of the time.
func (b *bench) all(ctx context.Context) error {
	var controlsErr error
	var beside sync.WaitGroup
	stagesErr := b.stages(ctx, func() {
		if b.short {
			beside.Go(func() { controlsErr = b.controls(ctx) })
		}
	})
	beside.Wait()
	if !b.short {
		controlsErr = b.controls(ctx)
	}
	return errors.Join(stagesErr, controlsErr)
}

// stages runs the stages that have faults; beforeLast is called before the
// last of all stages, run or not.
func (b *bench) stages(ctx context.Context, beforeLast func()) error {
	disk, err := world.OpenDisk()
	if err != nil {
		b.report.Skipped = append(b.report.Skipped, "a full disk under Postgres, "+err.Error())
		b.say("skipped: a full disk under Postgres: %v", err)
	}
	var errs []error
	plans := b.plans(disk)
	for i, p := range plans {
		if i == len(plans)-1 {
			beforeLast()
		}
		p.Faults = slices.DeleteFunc(p.Faults, func(f strike.Fault) bool { return !b.wants(f.Name) })
		if len(p.Faults) == 0 {
			continue
		}
		b.say("== %s", p.Name)
		out, err := stage.Run(ctx, p)
		b.report.Outcomes = append(b.report.Outcomes, out)
		errs = append(errs, err, b.verdict(out))
	}
	if disk != nil {
		errs = append(errs, disk.Close())
	}
	return errors.Join(errs...)
}

// plans are the stages. disk is nil where there is none to be had.
func (b *bench) plans(disk *world.Disk) []stage.Plan {
	clients := load.Options{Chains: 60, Rate: 250, Checkers: 8, Checks: 160}
	first := stage.Plan{
		Name:   "one Redis, Postgres with a synchronous standby",
		World:  world.Options{Binary: b.binary, Replicas: 3, Standby: true, Redis: world.SingleRedis},
		Faults: strike.All(), Load: clients, Now: b.now, Say: b.say,
	}
	second := stage.Plan{
		Name:   "a Redis cluster, Postgres on a small disk",
		World:  world.Options{Binary: b.binary, Replicas: 3, Redis: world.ClusterRedis},
		Faults: strike.Cluster(), Load: clients, Now: b.now, Say: b.say,
	}
	if disk != nil {
		second.World.DataParent = disk.Dir
		second.World.PostgresArgs = []string{"-c", "min_wal_size=32MB", "-c", "max_wal_size=64MB"}
		second.Faults = append([]strike.Fault{strike.DiskFull(disk)}, second.Faults...)
	}
	if !b.short {
		first.For, second.For = b.length*3/4, b.length/4
	}
	return []stage.Plan{first, second}
}

// showOf is how many findings of a rule are shown.
const showOf = 5

// verdict tells what a stage came to; an error when it is not what it must be.
func (b *bench) verdict(out stage.Outcome) error {
	var errs []error
	b.say("%d requests of %d sessions, %.0f refreshes/s", len(out.Records), out.Sessions, out.Rate())
	if !out.Counts() {
		errs = append(errs, errLoad)
	}
	for _, s := range out.Strikes {
		if s.Evidence == "" {
			errs = append(errs, fmt.Errorf("%w: %s", errMissed, s.Fault))
		}
	}
	bad := slices.DeleteFunc(slices.Clone(out.Findings), func(f check.Finding) bool { return f.Bounded })
	shown := map[check.Rule]int{}
	for _, f := range bad {
		if shown[f.Rule]++; shown[f.Rule] > showOf {
			continue
		}
		b.say("FINDING during %q: %v", strike.During(out.Strikes, f.At), f)
		if b.verbose {
			b.say("%s", f.Around(out.Records))
		}
	}
	for rule, n := range shown {
		b.say("%d findings of %s", n, rule)
	}
	if len(bad) > 0 {
		errs = append(errs, errFindings)
	}
	return errors.Join(errs...)
}

// controls has the bench fail where it must.
func (b *bench) controls(ctx context.Context) error {
	all := slices.DeleteFunc(slices.Concat(control.BadBuilds(), control.Losses()), func(c control.Control) bool { return !b.wants(c.Name) })
	if len(all) == 0 {
		return nil
	}
	b.say("== bad on purpose")
	verdicts, err := control.Setting{Binary: b.binary, Now: b.now}.Run(ctx, all)
	b.report.Controls = verdicts
	errs := []error{err}
	for _, v := range verdicts {
		b.say("%-24s caught as %v (%d), the good build passes: %v", v.Name, v.Caught, v.Count, v.Clean)
		for _, f := range v.Good {
			b.say("FINDING in the good build: %v", f)
		}
		if !v.OK() {
			errs = append(errs, fmt.Errorf("%w: %s", errNotCaught, v.Name))
		}
	}
	return errors.Join(errs...)
}
