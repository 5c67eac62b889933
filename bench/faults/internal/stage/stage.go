package stage

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"rekey/bench/faults/internal/check"
	"rekey/bench/faults/internal/history"
	"rekey/bench/faults/internal/load"
	"rekey/bench/faults/internal/strike"
	"rekey/bench/faults/internal/world"
)

// Plan describes a stage.
type Plan struct {
	Name   string
	World  world.Options
	Faults []strike.Fault
	Load   load.Options
	// For is how long the stage strikes. Each fault strikes at least once.
	For time.Duration
	Now func() time.Time
	Say func(format string, args ...any)
}

// Settings of the replicas that the checks use.
const (
	Overlap = time.Second
	leeway  = time.Second

	reuseWindow = 2 * time.Second
	retryTTL    = 24 * time.Hour
	// Bound limits stale accepts while replicas are cut off from each other's
	// Redis.
	Bound = 3 * time.Second
	// Settle is how long after the markers a token must be issued before Redis
	// answers for it (twice the leeway and 12 s), plus a margin.
	Settle = 2*leeway + 12*time.Second + 500*time.Millisecond
)

// Env returns the settings of all replicas.
func Env() []string {
	return []string{"ACCESS_OVERLAP=" + Overlap.String(), "CLOCK_LEEWAY=" + leeway.String(), "REUSE_WINDOW=" + reuseWindow.String()}
}

// Outcome holds the result of a stage.
type Outcome struct {
	Plan    string
	Records []history.Record
	Strikes []strike.Strike
	check.Result
	Loaded  time.Duration // how long the load ran
	Servers string        // the servers that faults struck, with versions
	// Searched is the number of lines that were searched for secrets, by place.
	Searched map[world.Place]int
}

// Rate returns the acknowledged refreshes per second, outages included.
func (o Outcome) Rate() float64 {
	n := 0
	for _, r := range o.Records {
		if r.Kind == history.Rotate && r.Outcome == history.Done {
			n++
		}
	}
	return float64(n) / o.Loaded.Seconds()
}

// Run runs a stage.
func Run(ctx context.Context, p Plan) (_ Outcome, err error) {
	p.World.Env = append(Env(), p.World.Env...)
	w, err := world.Open(p.World)
	if err != nil {
		return Outcome{}, fmt.Errorf("stage %s: %w", p.Name, err)
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	log := history.NewLog(p.Now)
	client := load.NewClient(w.Bases())
	defer client.Close()
	s := &strike.Scene{World: w, Log: log, Client: client, Load: load.New(client, log, w.Inbox, p.Load)}
	if err := s.Load.Prepare(ctx); err != nil {
		return Outcome{}, fmt.Errorf("stage %s: %w", p.Name, err)
	}
	out := Outcome{Plan: p.Name}
	strikes, runErr := perform(ctx, p, s, &out)
	out.Strikes = strikes
	out.Records = log.All()
	if err := judge(ctx, s, &out); err != nil {
		return out, errors.Join(runErr, err)
	}
	return out, runErr
}

// perform runs the clients while it strikes.
func perform(ctx context.Context, p Plan, s *strike.Scene, out *Outcome) ([]strike.Strike, error) {
	working, stop := context.WithCancel(ctx)
	d := &strike.Driver{Scene: s, Settle: Settle, Say: p.Say}
	var wg sync.WaitGroup
	wg.Go(func() { s.Load.Run(working) })
	wg.Go(func() { d.Watch(working) })
	begun := s.Log.Now()
	strikes, err := strikeAll(ctx, p, d, begun)
	out.Loaded = s.Log.Now() - begun
	stop()
	wg.Wait()
	return strikes, err
}

func strikeAll(ctx context.Context, p Plan, d *strike.Driver, begun time.Duration) ([]strike.Strike, error) {
	var strikes []strike.Strike
	for round := 0; round == 0 || d.Scene.Log.Now()-begun < p.For; round++ {
		for _, f := range p.Faults {
			if round > 0 && d.Scene.Log.Now()-begun >= p.For {
				return strikes, nil
			}
			s, err := d.Strike(ctx, f, round)
			if err != nil {
				return strikes, err
			}
			strikes = append(strikes, s)
		}
	}
	return strikes, nil
}

// judge checks the history, the database, and all places that must not contain
// secrets.
func judge(ctx context.Context, s *strike.Scene, out *Outcome) error {
	out.Result = check.History(out.Records, check.Rules{Overlap: Overlap, ReuseWindow: reuseWindow, RetryTTL: retryTTL, Bound: Bound, CutOff: strike.CutOff(out.Strikes)})
	for _, k := range out.Strikes {
		if !k.Recovered {
			out.Findings = append(out.Findings, check.Finding{Rule: check.NoRecovery, Session: -1, At: k.Healed, Text: "after " + k.Fault})
		}
	}
	for _, r := range strike.Downtime(out.Strikes, out.Records) {
		out.Findings = append(out.Findings, check.Finding{Rule: check.Downtime, Session: r.Session, At: r.End,
			Text: fmt.Sprintf("%s at replica %d: %s %s", r.Kind, r.Replica, r.Outcome, r.Reason)})
	}
	rows, err := Rows(ctx, s)
	if err != nil {
		return err
	}
	out.Findings = append(out.Findings, check.Audit(out.Records, rows)...)
	if out.Servers, err = s.World.Versions(ctx); err != nil {
		return err
	}
	leaks, searched, err := Leaks(ctx, s)
	out.Findings, out.Searched = append(out.Findings, leaks...), searched
	return err
}

// Rows returns the state of the clients' sessions in the database, by number.
func Rows(ctx context.Context, s *strike.Scene) (map[int]check.Row, error) {
	found, err := s.World.Database.Rows(ctx)
	if err != nil {
		return nil, err
	}
	rows := map[int]check.Row{}
	for _, session := range s.Load.Sessions() {
		row, ok := found[session.ID]
		rows[session.Number] = check.Row{Generation: row.Generation, Found: ok}
	}
	return rows, nil
}
