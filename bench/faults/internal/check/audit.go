package check

import (
	"fmt"

	"rekey/bench/faults/internal/history"
)

// Row holds the state of a session in the database at the end of a run.
type Row struct {
	Generation int
	Found      bool
}

// Audit compares the database with the acknowledged rotations. A session must
// have as many rotations as were acknowledged, or one more if the outcome of its
// last attempt is unknown.
func Audit(records []history.Record, rows map[int]Row) []Finding {
	acked, open := map[int]int{}, map[int]bool{}
	for _, r := range records {
		if r.Kind == history.Rotate && r.Outcome == history.Done {
			acked[r.Session] = max(acked[r.Session], r.Gen+1)
		}
	}
	for _, r := range records {
		if r.Kind == history.Rotate && r.Outcome != history.Done && r.Gen >= acked[r.Session] {
			open[r.Session] = true
		}
	}
	var findings []Finding
	for session, row := range rows {
		want := max(1, acked[session])
		over := row.Generation - want
		if row.Found && (over == 0 || over == 1 && open[session]) {
			continue
		}
		rule, text := LostRotation, fmt.Sprintf("the database has generation %d, acknowledged was %d", row.Generation, want)
		switch {
		case !row.Found:
			text = "the database does not have the session"
		case over > 0:
			rule = TwoWinners
		}
		findings = append(findings, Finding{Rule: rule, Session: session, Text: text})
	}
	return findings
}
