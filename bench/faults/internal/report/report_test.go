package report

import (
	"strings"
	"testing"
	"time"

	"rekey/bench/faults/internal/check"
	"rekey/bench/faults/internal/control"
	"rekey/bench/faults/internal/history"
	"rekey/bench/faults/internal/stage"
	"rekey/bench/faults/internal/strike"
	"rekey/bench/faults/internal/world"
)

func run() Report {
	return Report{
		Command: "go run", Commit: "abc", At: time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC),
		Outcomes: []stage.Outcome{{
			Plan: "one", Loaded: 10 * time.Second,
			Searched: map[world.Place]int{stage.Answers: 3, world.Logs: 20, world.Metrics: 30, world.Tables: 40, world.Keys: 50},
			Records: []history.Record{
				{Kind: history.Rotate, Outcome: history.Done}, {Kind: history.Rotate, Outcome: history.Unavailable}, {Kind: history.Access, Outcome: history.Cut},
				{Kind: history.Reset, Outcome: history.Done}, {Kind: history.EndedBy, Outcome: history.Done},
			},
			Strikes: []strike.Strike{
				{Fault: "kill", Evidence: "3 cut", From: time.Second, To: 3 * time.Second, Recovery: 200 * time.Millisecond},
				{Fault: "kill", From: 5 * time.Second, To: 6 * time.Second},
			},
			Result: check.Result{Sessions: 2, Unkeyed: 1, Findings: []check.Finding{
				{Rule: check.WronglyEnded, At: 2 * time.Second, Text: "first"},
				{Rule: check.WronglyEnded, At: 4 * time.Second, Text: "second"},
				{Rule: check.StaleAccept, At: 4 * time.Second, For: 2 * time.Second, Bounded: true},
				{Rule: check.LostRotation},
			}},
		}},
		Controls: []control.Verdict{{Name: "bad", Caught: []check.Rule{check.Fork}, Count: 4, Clean: true}, {Name: "worse"}},
	}
}

func TestReport_Total(t *testing.T) {
	got := run().Total()
	if got.Strikes != 1 || got.Survived != 0 || got.Missed != 1 || got.Requests != 4 || got.Resets != 1 || got.Refreshes != 1 || got.Unavailable != 1 || got.CutOff != 1 {
		t.Errorf("counts %+v", got)
	}
	if got.Rules[check.WronglyEnded] != 2 || got.DuringOutage != 1 || got.Rules[check.StaleAccept] != 0 || got.Bounded != 1 {
		t.Errorf("findings %+v", got)
	}
	if got.LongestBounded != 2*time.Second || got.LongestStale != 0 || got.RecoveryP50 != 200*time.Millisecond {
		t.Errorf("times %+v", got)
	}
}

func TestReport_Write(t *testing.T) {
	var b strings.Builder
	if err := run().Write(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"`go run`", "2026-11-23", "| **sessions wrongly ended** | 2 |", "| **acknowledged rotations lost** | 1 |",
		"replaced ones accepted) | 1 (0, 0, 0) |", "did not arrive | 0; 0 |",
		"| kill | 1 | 3 cut | 200ms | 200ms |", "| bad | fork | 4 | passes |", "| worse | **not caught** |",
		"| secrets sent, logged or stored in clear (searched: 3 answers; lines: 20 of logs, 30 of metrics, 40 of tables, 50 of Redis) | 0 |",
		`- 2 times wrongly-ended during or after "kill"`, "Nothing was skipped.",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the report does not say %q:\n%s", want, b.String())
		}
	}
	if strings.Contains(b.String(), "{{") {
		t.Errorf("something was not filled in:\n%s", b.String())
	}
}

func TestPercentile(t *testing.T) {
	of := []time.Duration{5, 1, 3, 2, 4}
	for p, want := range map[int]time.Duration{50: 3, 99: 5, 100: 5, 1: 1} {
		if got := Percentile(of, p); got != want {
			t.Errorf("p%d = %d, want %d", p, got, want)
		}
	}
	if got := Percentile(nil, 50); got != 0 {
		t.Errorf("of nothing: %d", got)
	}
}
