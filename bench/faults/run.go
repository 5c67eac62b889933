package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"rekey/bench/faults/internal/check"
	"rekey/bench/faults/internal/control"
	"rekey/bench/faults/internal/load"
	"rekey/bench/faults/internal/stage"
	"rekey/bench/faults/internal/strike"
	"rekey/bench/faults/internal/world"
)

var (
	errFindings = errors.New("something happened that must never happen")
	errLoad     = errors.New("too little load: the run does not count")
	errMissed   = errors.New("a fault did not strike")
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
	b := bench{options: o, now: now, stdout: stdout}
	return b.stages(ctx)
}

// bench is one run.
type bench struct {
	options
	now    func() time.Time
	stdout io.Writer
}

func (b bench) say(format string, args ...any) {
	fmt.Fprintf(b.stdout, format+"\n", args...)
}

func (b bench) stages(ctx context.Context) error {
	var errs []error
	for _, p := range b.plans() {
		if p.Faults = slices.DeleteFunc(p.Faults, func(f strike.Fault) bool { return !b.wants(f.Name) }); len(p.Faults) == 0 {
			continue
		}
		b.say("== stage %s", p.Name)
		out, err := stage.Run(ctx, p)
		errs = append(errs, err, b.verdict(out))
	}
	return errors.Join(append(errs, b.controls(ctx))...)
}

var errNotCaught = errors.New("something bad was not caught")

// controls has the bench fail where it must.
func (b bench) controls(ctx context.Context) error {
	all := slices.DeleteFunc(slices.Concat(control.BadBuilds(), control.Losses()), func(c control.Control) bool { return !b.wants(c.Name) })
	if len(all) == 0 {
		return nil
	}
	b.say("== controls")
	verdicts, err := control.Setting{Binary: b.binary, Now: b.now}.Run(ctx, all)
	errs := []error{err}
	for _, v := range verdicts {
		b.say("%-24s caught %v (%d), good build clean %v", v.Name, v.Caught, v.Count, v.Clean)
		for _, f := range v.Good {
			b.say("FINDING in the good build: %v", f)
		}
		if !v.OK() {
			errs = append(errs, fmt.Errorf("%w: %s", errNotCaught, v.Name))
		}
	}
	return errors.Join(errs...)
}

func (b bench) plans() []stage.Plan {
	length := b.length
	if b.short {
		length = 0
	}
	clients := load.Options{Chains: 60, Rate: 300, Checkers: 8, Checks: 240}
	return []stage.Plan{{
		Name:   "one Redis, synchronous standby",
		World:  world.Options{Binary: b.binary, Replicas: 3, Standby: true, Redis: world.SingleRedis},
		Faults: strike.All(), Load: clients, For: length, Now: b.now, Say: b.say,
	}}
}

// verdict tells what a stage came to; an error when it is not what it must be.
func (b bench) verdict(out stage.Outcome) error {
	var errs []error
	b.say("%d records, %d sessions, %.0f refreshes/s; lost for want of a key %d, consumed by 503 %d",
		len(out.Records), out.Sessions, out.Rate(), out.Unkeyed, out.Consumed)
	if !out.Counts() {
		errs = append(errs, errLoad)
	}
	for _, s := range out.Strikes {
		if s.Evidence == "" {
			errs = append(errs, fmt.Errorf("%w: %s", errMissed, s.Fault))
		}
	}
	bad := slices.DeleteFunc(slices.Clone(out.Findings), func(f check.Finding) bool { return f.Bounded })
	for i, f := range bad {
		b.say("FINDING %v", f)
		if b.verbose && i < 10 {
			b.say("%s", f.Around(out.Records))
		}
	}
	if len(bad) > 0 {
		errs = append(errs, errFindings)
	}
	return errors.Join(errs...)
}
