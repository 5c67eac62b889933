package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"rekey/bench/faults/internal/check"
	"rekey/bench/faults/internal/control"
	"rekey/bench/faults/internal/history"
	"rekey/bench/faults/internal/stage"
	"rekey/bench/faults/internal/strike"
	"rekey/bench/faults/internal/world"
)

// Report holds the results of a run.
type Report struct {
	Command, Commit, Machine string
	At                       time.Time
	Took                     time.Duration
	Outcomes                 []stage.Outcome
	Controls                 []control.Verdict
	Skipped                  []string // faults that this machine cannot produce, and why
}

// Totals holds the figures of all stages together.
type Totals struct {
	Strikes, Missed     int
	Survived            int // strikes without a finding until the next one
	Requests, Refreshes int
	Checks              int
	Resets              int // passwords that were set by a mailed link
	Sessions            int
	Loaded              time.Duration
	Rules               map[check.Rule]int
	Bounded             int // stale accepts within the bound
	LongestBounded      time.Duration
	LongestStale        time.Duration
	Unkeyed, Consumed   int
	RecoveryP50         time.Duration
	RecoveryP99         time.Duration
	Unavailable, CutOff int
	Searched            map[world.Place]int // lines that were searched for secrets
	DuringOutage        int                 // valid tokens refused between the beginning of a fault and recovery
}

// Total returns the sums over all stages.
func (r Report) Total() Totals {
	t := Totals{Rules: map[check.Rule]int{}, Searched: map[world.Place]int{}}
	var recoveries []time.Duration
	for _, o := range r.Outcomes {
		t.Sessions += o.Sessions
		t.Loaded += o.Loaded
		t.Unkeyed += o.Unkeyed
		t.Consumed += o.Consumed
		for at, lines := range o.Searched {
			t.Searched[at] += lines
		}
		t.addRecords(o.Records)
		t.addFindings(o)
		for i, s := range o.Strikes {
			if s.Evidence == "" {
				t.Missed++
				continue
			}
			t.Strikes++
			if !blamed(o, i) {
				t.Survived++
			}
			recoveries = append(recoveries, s.Recovery)
		}
	}
	t.RecoveryP50, t.RecoveryP99 = Percentile(recoveries, 50), Percentile(recoveries, 99)
	return t
}

// blamed reports whether there is a finding between a strike and the next one.
func blamed(o stage.Outcome, strike int) bool {
	return slices.ContainsFunc(o.Findings, func(f check.Finding) bool {
		last := strike == len(o.Strikes)-1
		return !f.Bounded && f.At >= o.Strikes[strike].From && (last || f.At < o.Strikes[strike+1].From)
	})
}

func (t *Totals) addRecords(records []history.Record) {
	for _, r := range records {
		if r.Kind == history.EndedBy || r.Kind == history.Mail || r.Kind == history.Landed {
			continue // no request
		}
		t.Requests++
		switch {
		case r.Outcome == history.Unavailable:
			t.Unavailable++
		case r.Outcome == history.Cut:
			t.CutOff++
		case r.Kind == history.Rotate && r.Outcome == history.Done:
			t.Refreshes++
		}
		switch {
		case r.Kind == history.Access:
			t.Checks++
		case r.Kind == history.Reset && r.Outcome == history.Done:
			t.Resets++
		}
	}
}

func (t *Totals) addFindings(o stage.Outcome) {
	for _, f := range o.Findings {
		if f.Bounded {
			t.Bounded++
			t.LongestBounded = max(t.LongestBounded, f.For)
			continue
		}
		t.Rules[f.Rule]++
		t.LongestStale = max(t.LongestStale, f.For)
		if refused := f.Rule == check.WronglyEnded || f.Rule == check.WronglyRefused; refused && outage(o.Strikes, f.At) {
			t.DuringOutage++
		}
	}
}

func outage(strikes []strike.Strike, at time.Duration) bool {
	return slices.ContainsFunc(strikes, func(s strike.Strike) bool { return s.From <= at && at <= s.To })
}

// Percentile returns the percentile p by nearest rank, or 0 for an empty list.
func Percentile(of []time.Duration, p int) time.Duration {
	if len(of) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(of))
	return sorted[max(0, (len(sorted)*p+99)/100-1)]
}

// Write writes the report as Markdown.
func (r Report) Write(w io.Writer) error {
	t := r.Total()
	text := header
	for from, to := range map[string]string{
		"COMMAND": r.Command, "COMMIT": r.Commit, "MACHINE": r.Machine, "DATE": r.At.UTC().Format(time.DateOnly),
		"TOOK": r.Took.Round(time.Second).String(), "TOTALS": t.table(), "FAULTS": r.faults(), "CONTROLS": r.controls(), "FINDINGS": r.findings(),
		"SKIPPED": r.skipped(),
	} {
		text = strings.ReplaceAll(text, "{{"+from+"}}", to)
	}
	if _, err := io.WriteString(w, text); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

// searched returns how many lines were searched, by place.
func (t Totals) searched() string {
	return fmt.Sprintf("%d answers; lines: %d of logs, %d of metrics, %d of tables, %d of Redis", t.Searched[stage.Answers],
		t.Searched[world.Logs], t.Searched[world.Metrics], t.Searched[world.Tables], t.Searched[world.Keys])
}

func (t Totals) table() string {
	rows := [][2]string{
		{"faults that struck", fmt.Sprint(t.Strikes)},
		{"**faults survived**: nothing happened that must never happen", fmt.Sprint(t.Survived)},
		{"faults that did not strike, and do not count", fmt.Sprint(t.Missed)},
		{"time under load", t.Loaded.Round(time.Second).String()},
		{"requests (of these: answered 503; cut or not answered)", fmt.Sprintf("%d (%d; %d)", t.Requests, t.Unavailable, t.CutOff)},
		{"refreshes acknowledged (per second, outages included)", fmt.Sprintf("%d (%.0f)", t.Refreshes, float64(t.Refreshes)/max(1, t.Loaded.Seconds()))},
		{"access checks", fmt.Sprint(t.Checks)},
		{"sessions, each with an order found that explains all answers", fmt.Sprintf("%d, except %d", t.Sessions, t.Rules[check.NotLinearizable]+t.Rules[check.Undecided])},
		{"**acknowledged rotations lost**", fmt.Sprint(t.Rules[check.LostRotation])},
		{"**forks**, a token with two children or two winners", fmt.Sprint(t.Rules[check.Fork] + t.Rules[check.TwoWinners])},
		{"**sessions wrongly ended**", fmt.Sprint(t.Rules[check.WronglyEnded])},
		{"**valid tokens refused (401) during outages** (otherwise)", fmt.Sprintf("%d (%d)", t.DuringOutage, t.Rules[check.WronglyEnded]+t.Rules[check.WronglyRefused]-t.DuringOutage)},
		{"**stale accepts** (the longest)", fmt.Sprintf("%d (%v)", t.Rules[check.StaleAccept], t.LongestStale.Round(time.Millisecond))},
		{"stale accepts while replicas were cut off from each other's Redis, at most 3 s (the longest)", fmt.Sprintf("%d (%v)", t.Bounded, t.LongestBounded.Round(time.Millisecond))},
		{"revoked sessions that yielded a token", fmt.Sprint(t.Rules[check.AfterEnd])},
		{"passwords reset by a mailed link (of these: links that set two passwords, acknowledged passwords refused, replaced ones accepted)", fmt.Sprintf("%d (%d, %d, %d)",
			t.Resets, t.Rules[check.TwoResets], t.Rules[check.LostReset], t.Rules[check.OldPassword])},
		{"links refused that had set no password; requested mails that did not arrive", fmt.Sprintf("%d; %d", t.Rules[check.VoidedLink], t.Rules[check.LostMail])},
		{"repeated answers that differed in any byte", fmt.Sprint(t.Rules[check.UnlikeRepeat])},
		{"secrets sent, logged or stored in clear (searched: " + t.searched() + ")", fmt.Sprint(t.Rules[check.Leak])},
		{"answers that are neither a success, a refusal nor 503", fmt.Sprint(t.Rules[check.StrangeAnswer])},
		{"recovery: first success after the healing began, p50 / p99", fmt.Sprintf("%v / %v", t.RecoveryP50.Round(time.Millisecond), t.RecoveryP99.Round(time.Millisecond))},
		{"sessions of clients without `Idempotency-Key` lost because an answer was", fmt.Sprint(t.Unkeyed)},
		{"sessions of clients without `Idempotency-Key` answered 503 by one replica and refused by another", fmt.Sprint(t.Consumed)},
	}
	var b strings.Builder
	b.WriteString("| | |\n|---|---|\n")
	for _, row := range rows {
		fmt.Fprintf(&b, "| %s | %s |\n", row[0], row[1])
	}
	return b.String()
}

// byFault holds the results of the strikes with one fault.
type byFault struct {
	stage, name, evidence string
	struck, missed        int
	recoveries            []time.Duration
}

func (r Report) faults() string {
	var all []*byFault
	for _, o := range r.Outcomes {
		for _, s := range o.Strikes {
			i := slices.IndexFunc(all, func(f *byFault) bool { return f.name == s.Fault && f.stage == o.Plan })
			if i < 0 {
				all = append(all, &byFault{stage: o.Plan, name: s.Fault})
				i = len(all) - 1
			}
			all[i].add(s)
		}
	}
	slices.SortStableFunc(all, func(a, b *byFault) int { return cmp.Or(cmp.Compare(a.stage, b.stage), cmp.Compare(a.name, b.name)) })
	var b strings.Builder
	b.WriteString("| fault | struck | what showed it, the last time | recovery p50 | worst |\n|---|---|---|---|---|\n")
	for _, f := range all {
		fmt.Fprintf(&b, "| %s | %d | %s | %v | %v |\n", f.name, f.struck, f.evidence,
			Percentile(f.recoveries, 50).Round(time.Millisecond), Percentile(f.recoveries, 100).Round(time.Millisecond))
	}
	return b.String()
}

func (f *byFault) add(s strike.Strike) {
	if s.Evidence == "" {
		f.missed++
		return
	}
	f.struck++
	f.evidence = s.Evidence
	f.recoveries = append(f.recoveries, s.Recovery)
}

func (r Report) controls() string {
	var b strings.Builder
	b.WriteString("| bad on purpose | caught as | findings | the good build, played the same way |\n|---|---|---|---|\n")
	for _, v := range r.Controls {
		names := make([]string, len(v.Caught))
		for i, rule := range v.Caught {
			names[i] = string(rule)
		}
		caught := strings.Join(slices.Sorted(slices.Values(names)), ", ")
		good := "passes"
		switch {
		case v.Loss:
			good = "-"
		case !v.Clean:
			good = fmt.Sprintf("%d findings", len(v.Good))
		}
		fmt.Fprintf(&b, "| %s | %s | %d | %s |\n", v.Name, cmp.Or(caught, "**not caught**"), v.Count, good)
	}
	return b.String()
}

// findings returns the number of findings by fault and rule, with the first of
// each in full.
func (r Report) findings() string {
	type kind struct {
		during string
		rule   check.Rule
	}
	first, count := map[kind]check.Finding{}, map[kind]int{}
	var kinds []kind
	for _, o := range r.Outcomes {
		for _, f := range o.Findings {
			k := kind{strike.During(o.Strikes, f.At), f.Rule}
			if f.Bounded {
				continue
			}
			if count[k]++; count[k] == 1 {
				first[k] = f
				kinds = append(kinds, k)
			}
		}
	}
	var b strings.Builder
	for _, k := range kinds {
		fmt.Fprintf(&b, "- %d times %s during or after %q; the first: %v\n", count[k], k.rule, k.during, first[k])
	}
	return cmp.Or(b.String(), "None.\n")
}

func (r Report) skipped() string {
	if len(r.Skipped) == 0 {
		return "Nothing was skipped.\n"
	}
	return "Skipped: " + strings.Join(r.Skipped, "; ") + ".\n"
}
