package control

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"rekey/bench/faults/internal/check"
	"rekey/bench/faults/internal/history"
	"rekey/bench/faults/internal/load"
	"rekey/bench/faults/internal/stage"
	"rekey/bench/faults/internal/strike"
	"rekey/bench/faults/internal/world"
)

// Control is a small scenario in which the checks must find a known fault.
type Control struct {
	Name string
	// Play performs the scenario. It returns an error if the scenario could not
	// be performed.
	Play func(ctx context.Context, s *strike.Scene) error
	// Expect lists rules. The checks must find at least one of them violated.
	Expect []check.Rule
	// Loss marks a control whose fault is in the database, which leaves no
	// fault-free build to compare with.
	Loss  bool
	World world.Options
}

// Verdict holds the result of a control.
type Verdict struct {
	Name   string
	Caught []check.Rule // expected rules that the bad build violated
	Count  int          // findings of these rules
	Clean  bool         // the good build passed; true if there is none
	Good   []check.Finding
	Loss   bool
}

// OK reports whether the checks found the fault of the bad build and passed the
// good build.
func (v Verdict) OK() bool { return len(v.Caught) > 0 && v.Clean }

// Setting holds the environment in which controls run.
type Setting struct {
	Binary string
	Now    func() time.Time
	// Together limits how many controls run at the same time; at least 1.
	Together int
}

// Run runs the controls, several at the same time.
func (s Setting) Run(ctx context.Context, controls []Control) ([]Verdict, error) {
	server, err := world.OpenServer()
	if err != nil {
		return nil, err
	}
	verdicts, errs := make([]Verdict, len(controls)), make([]error, len(controls))
	slots := make(chan struct{}, s.Together)
	var wg sync.WaitGroup
	for i, c := range controls {
		wg.Go(func() { verdicts[i], errs[i] = s.judge(ctx, c, server, slots) })
	}
	wg.Wait()
	return verdicts, errors.Join(append(errs, server.Close())...)
}

func (s Setting) judge(ctx context.Context, c Control, server *world.Database, slots chan struct{}) (Verdict, error) {
	v := Verdict{Name: c.Name, Clean: true, Loss: c.Loss}
	if !c.Loss {
		c.World.Shared = server
		good, err := s.play(ctx, c, "", slots)
		if err != nil {
			return v, fmt.Errorf("%s, played with the good build: %w", c.Name, err)
		}
		v.Good, v.Clean = good, len(good) == 0
	}
	build := c.Name
	if c.Loss {
		build = ""
	}
	bad, err := s.play(ctx, c, build, slots)
	if err != nil {
		return v, fmt.Errorf("%s: %w", c.Name, err)
	}
	for _, f := range bad {
		if slices.Contains(c.Expect, f.Rule) {
			v.Count++
			if !slices.Contains(v.Caught, f.Rule) {
				v.Caught = append(v.Caught, f.Rule)
			}
		}
	}
	return v, nil
}

// Windows of the replicas in controls.
const (
	reuseWindow = 2 * time.Second
	retryTTL    = 3 * time.Second
)

// play runs a control once, with replicas and servers of its own.
func (s Setting) play(ctx context.Context, c Control, build string, slots chan struct{}) (_ []check.Finding, err error) {
	slots <- struct{}{}
	defer func() { <-slots }()
	o := c.World
	o.Binary, o.Replicas, o.Redis = s.Binary, 2, world.SingleRedis
	o.Env = append(stage.Env(), "BAD_BUILD="+build, "RETRY_TTL="+retryTTL.String())
	w, err := world.Open(o)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	log := history.NewLog(s.Now)
	client := load.NewClient(w.Bases())
	defer client.Close()
	scene := &strike.Scene{World: w, Log: log, Client: client, Load: load.New(client, log, w.Inbox, clients())}
	if err := scene.Load.Prepare(ctx); err != nil {
		return nil, err
	}
	if err := c.Play(ctx, scene); err != nil {
		return nil, err
	}
	return c.findings(ctx, scene)
}

// findings returns the findings in the history and the database. It searches for
// secrets only in the control for secrets, because other controls leave servers
// dead.
func (c Control) findings(ctx context.Context, s *strike.Scene) ([]check.Finding, error) {
	records := s.Log.All()
	found := check.History(records, check.Rules{Overlap: stage.Overlap, ReuseWindow: reuseWindow, RetryTTL: retryTTL}).Findings
	rows, err := stage.Rows(ctx, s)
	if err != nil {
		return nil, err
	}
	found = append(found, check.Audit(records, rows)...)
	if !slices.Contains(c.Expect, check.Leak) {
		return found, nil
	}
	leaks, _, err := stage.Leaks(ctx, s)
	return append(found, leaks...), err
}

// clients returns the options of the load for controls that need one.
func clients() load.Options { return load.Options{Chains: 8, Rate: 40} }
