package main

import (
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"rekey/bench/faults/internal/history"
	"rekey/bench/faults/internal/stage"
	"rekey/bench/faults/internal/strike"
)

func TestExitCode(t *testing.T) {
	missed := fmt.Errorf("%w: a full disk", errMissed)
	notCaught := fmt.Errorf("%w: fork-on-retry", errNotCaught)
	inGood := fmt.Errorf("%w, in the good build: no-marker", errFindings)
	tooSlow := fmt.Errorf("%w: 40 refreshes/s", errLoad)
	for name, c := range map[string]struct {
		err  error
		want int
	}{
		"nothing but too little load":              {errors.Join(errors.Join(tooSlow), tooSlow), exitTooSlow},
		"too little load, and no strike":           {errors.Join(tooSlow, errors.Join(missed, missed)), exitMissed},
		"too little load, and a bad build passed":  {errors.Join(tooSlow, errors.Join(nil, notCaught)), exitDoubtful},
		"too little load, and too late":            {errors.Join(tooSlow, errLate), exitDoubtful},
		"too little load, and it could not run":    {errors.Join(tooSlow, errors.New("nobody logs in")), exitBroken},
		"a finding outranks all":                   {errors.Join(tooSlow, errors.Join(missed, errFindings), errors.New("no Postgres")), exitFindings},
		"a finding in the good build":              {errors.Join(tooSlow, errors.Join(nil, inGood)), exitFindings},
		"a fault that did not strike":              {errors.Join(missed, missed), exitMissed},
		"a bad build that passed":                  {errors.Join(missed, notCaught), exitDoubtful},
		"a request that took too long":             {errors.Join(errLate, missed), exitDoubtful},
		"it could not run":                         {errors.Join(missed, errLate, errors.New("no Postgres")), exitBroken},
		"it could not run for reasons with causes": {errors.Join(missed, fmt.Errorf("controls: %w", errors.New("no Postgres"))), exitBroken},
	} {
		if got := exitCode(c.err); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

// TestBench_verdict: a stage that had too little load, or in which a fault did
// not strike, is reported as that.
func TestBench_verdict(t *testing.T) {
	for name, c := range map[string]struct {
		slow     bool
		rate     int
		evidence string
		want     int
	}{
		"well":                                 {false, 100, "3 cut", 0},
		"too little load":                      {false, 99, "3 cut", exitTooSlow},
		"no strike":                            {false, 100, "", exitMissed},
		"neither":                              {false, 99, "", exitMissed},
		"enough for a slow machine":            {true, 10, "3 cut", 0},
		"not enough for a slow machine":        {true, 9, "3 cut", exitTooSlow},
		"no strike, which no slowness excuses": {true, 10, "", exitMissed},
	} {
		b := &bench{options: options{slow: c.slow}, stdout: io.Discard}
		out := stage.Outcome{Plan: "one", Loaded: time.Second, Strikes: []strike.Strike{{Fault: "kill", Evidence: c.evidence}}}
		for range c.rate {
			out.Records = append(out.Records, history.Record{Kind: history.Rotate, Outcome: history.Done})
		}
		got := 0
		if err := b.verdict(out); err != nil {
			got = exitCode(err)
		}
		if got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}
