package strike

import (
	"testing"
	"time"

	"rekey/bench/faults/internal/history"
)

func TestAll(t *testing.T) {
	names, warm := map[string]bool{}, 0
	for _, f := range append(All(), Cluster()...) {
		if names[f.Name] {
			t.Errorf("%q is there twice", f.Name)
		}
		names[f.Name] = true
		if f.Inject == nil || f.Heal == nil {
			t.Errorf("%q cannot be struck with", f.Name)
		}
		if f.Warm {
			warm++
		}
	}
	// kills 5, stops 3, Postgres 7, clocks 4, Redis 10, hot token 1, cluster 4
	if len(names) != 34 || warm != 13 {
		t.Errorf("%d faults, %d of them on a warm Redis", len(names), warm)
	}
}

func TestStruck(t *testing.T) {
	const victim = 1
	at := func(replica int, kind history.Kind, o history.Outcome) history.Record {
		return history.Record{Replica: replica, Kind: kind, Outcome: o}
	}
	tests := map[string]struct {
		struck  Struck
		records []history.Record
		want    bool
	}{
		"all is well":                     {failures(anywhere), []history.Record{at(0, history.Rotate, history.Done)}, false},
		"answered 503":                    {failures(anywhere), []history.Record{at(0, history.Access, history.Unavailable)}, true},
		"another replica's failure":       {failures(victim), []history.Record{at(0, history.Access, history.Cut)}, false},
		"a refresh cut by a kill":         {killed(victim), []history.Record{at(victim, history.Rotate, history.Cut)}, true},
		"an access check cut":             {killed(victim), []history.Record{at(victim, history.Access, history.Cut)}, false},
		"what the fault has seen":         {seen(true, "keys"), nil, true},
		"what it has not":                 {seen(false, "keys"), nil, false},
		"fewer requests than connections": {crowded(0), []history.Record{at(0, history.Rotate, history.Done)}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := tt.struck(tt.records); (got != "") != tt.want {
				t.Errorf("evidence %q, want some: %v", got, tt.want)
			}
		})
	}
}

func TestOverlap(t *testing.T) {
	span := func(from, to int) history.Record {
		return history.Record{Start: time.Duration(from), End: time.Duration(to)}
	}
	if got := overlap([]history.Record{span(0, 10), span(5, 20), span(6, 8), span(30, 40)}); got != 3 {
		t.Errorf("%d at a time, want 3", got)
	}
}
