package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"rekey/bench/internal/bed"
	"rekey/bench/internal/report"
	"rekey/bench/internal/seed"
	"rekey/bench/internal/trial"
)

var errFailed = errors.New("requests failed, or a token was answered twice")

func run(ctx context.Context, args []string, stdout io.Writer, now func() time.Time) error {
	o, err := parse(args, stdout)
	if err != nil {
		return err
	}
	dir, remove, err := bed.Directory()
	if err != nil {
		return err
	}
	defer remove()
	rig, err := o.rig(ctx, dir, now)
	if err != nil {
		return err
	}
	failed := 0
	rig.Say = func(format string, args ...any) { fmt.Fprintf(stdout, format+"\n", args...) }
	rig.Failed = func(n int) { failed += n }
	switch {
	case o.against != "":
		err = rig.Compare(ctx, bed.Binary{Path: o.against, Keys: dir})
	case o.profile != "":
		err = rig.Profile(ctx, o.profile)
	default:
		err = o.report(ctx, rig, stdout)
	}
	if err == nil && failed > 0 {
		err = fmt.Errorf("%w: %d", errFailed, failed)
	}
	return err
}

// report measures what is wanted, and writes it down.
func (o options) report(ctx context.Context, rig trial.Rig, stdout io.Writer) error {
	results, err := report.Load(o.results)
	if err != nil {
		return err
	}
	if err := o.measure(ctx, rig, &results); err != nil {
		return err
	}
	fmt.Fprint(stdout, report.Summary(results))
	if err := report.Save(o.results, results); err != nil || o.out == "" {
		return err
	}
	return report.Write(o.out, results)
}

func (o options) rig(ctx context.Context, dir string, now func() time.Time) (trial.Rig, error) {
	binary, err := o.build(ctx, dir)
	if err != nil {
		return trial.Rig{}, err
	}
	if _, err := seed.Codec(dir); err != nil { // makes the keys
		return trial.Rig{}, err
	}
	r := trial.Rig{
		Binary: bed.Binary{Path: binary, Keys: dir}, Dir: dir, Rounds: o.rounds, Window: o.window, Now: now,
		Source:   trial.Source{Commit: commit(ctx), Machine: machine(), Servers: servers(ctx), At: now().UTC(), Short: o.short},
		Loads:    []int{1, 8, 32, 64},
		Sessions: []int{1_000, 100_000, 1_000_000},
		Direct:   1_000_000,
	}
	if o.large {
		r.Sessions = append(r.Sessions, 10_000_000)
	}
	if o.short {
		r.Loads, r.Sessions, r.Direct = []int{8, 32}, []int{1_000, 10_000}, 10_000
	}
	if len(o.clients) > 0 {
		r.Loads = o.clients
	}
	return r, nil
}

// measure takes the parts that are wanted.
func (o options) measure(ctx context.Context, r trial.Rig, into *trial.Results) error {
	parts := []struct {
		name string
		take func() error
	}{
		{"refresh", func() (err error) { into.Refresh, err = r.Refresh(ctx); return err }},
		{"access", func() (err error) { into.Access, err = r.Access(ctx); return err }},
		{"logins", func() (err error) { into.Logins, err = r.Logins(ctx); return err }},
		{"embedded", func() (err error) { into.Embedded, err = r.Embedded(ctx); return err }},
		{"growth", func() (err error) { into.Growth, err = r.Growth(ctx); return err }},
		{"chain", func() (err error) { into.Chain, err = r.Chain(ctx); return err }},
		{"start", func() (err error) { into.Start, err = r.Start(ctx); return err }},
	}
	for _, part := range parts {
		if !o.wants(part.name) {
			continue
		}
		r.Say("== %s", part.name)
		if err := part.take(); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	return nil
}
