package check

import (
	"strings"
	"testing"
	"time"

	"rekey/bench/faults/internal/history"
)

const ms = time.Millisecond

func rules() Rules {
	return Rules{Overlap: time.Second, ReuseWindow: 2 * time.Second, RetryTTL: 10 * time.Second,
		Bound: 3 * time.Second, CutOff: []Span{{From: 100 * time.Second, To: 200 * time.Second}}}
}

// rec returns a request that took 10 ms.
func rec(at int, kind history.Kind, gen int, outcome history.Outcome) history.Record {
	start := time.Duration(at) * ms
	return history.Record{Kind: kind, Gen: gen, Start: start, End: start + 10*ms, Outcome: outcome}
}

func rotated(at, gen, key int, child string) history.Record {
	r := rec(at, history.Rotate, gen, history.Done)
	r.Key, r.Child, r.Pair = key, history.PrintOf(child), history.PrintOf("pair of "+child)
	return r
}

func refusal(at int, kind history.Kind, gen, key int, reason string) history.Record {
	r := rec(at, kind, gen, history.Refused)
	r.Key, r.Reason = key, reason
	return r
}

func keyed(r history.Record, key int) history.Record {
	r.Key = key
	return r
}

func replay(r history.Record) history.Record {
	r.Replay = true
	return r
}

func long(r history.Record, d time.Duration) history.Record {
	r.End = r.Start + d
	return r
}

func TestHistory(t *testing.T) {
	const (
		rotate = history.Rotate
		access = history.Access
		logout = history.Logout
	)
	repeatOtherBytes := rotated(50, 1, 7, "b")
	repeatOtherBytes.Pair = history.PrintOf("other")
	tests := map[string]struct {
		records []history.Record
		want    []Rule
	}{
		"a chain": {records: []history.Record{
			rotated(0, 1, 1, "b"), rotated(20, 2, 2, "c"), rec(40, access, 3, history.Done), rec(50, access, 2, history.Done),
			refusal(60, access, 1, 0, "TOKEN_BLACKLISTED"),
		}},
		"a lost answer and its repeat": {records: []history.Record{
			keyed(rec(0, rotate, 1, history.Cut), 7), rotated(50, 1, 7, "b"), rotated(100, 1, 7, "b"), rec(120, access, 2, history.Done),
		}},
		"an outage": {records: []history.Record{
			keyed(rec(0, rotate, 1, history.Unavailable), 7), keyed(rec(20, rotate, 1, history.Unavailable), 7), rotated(50, 1, 7, "b"),
		}},
		"answered 503, seen to have rotated, delivered later": {records: []history.Record{
			rec(0, rotate, 1, history.Unavailable), refusal(1500, access, 1, 0, "TOKEN_BLACKLISTED"), rotated(2000, 1, 0, "b"),
		}},
		"a lost answer without a key": {records: []history.Record{
			rec(0, rotate, 1, history.Cut), refusal(50, rotate, 1, 0, "TOKEN_BLACKLISTED"),
		}},
		"a lost answer without a key, taken for a theft": {records: []history.Record{
			rec(0, rotate, 1, history.Cut), rec(3000, rotate, 1, history.Cut), refusal(6000, rotate, 1, 0, "SESSION_REVOKED"),
		}},
		"a race": {records: []history.Record{
			replay(long(rotated(0, 1, 0, "b"), 50*ms)), replay(refusal(5, rotate, 1, 0, "TOKEN_BLACKLISTED")),
		}},
		"a burst": {records: []history.Record{
			rotated(0, 1, 1, "b"), rotated(100, 2, 2, "c"), rotated(200, 3, 3, "d"),
			replay(refusal(1900, rotate, 1, 0, "TOKEN_BLACKLISTED")), replay(refusal(3900, rotate, 2, 0, "TOKEN_BLACKLISTED")),
			rotated(3950, 4, 4, "e"),
		}},
		"a burst, taken for a theft after its window": {records: []history.Record{
			rotated(0, 1, 1, "b"), rotated(100, 2, 2, "c"), replay(refusal(2100, rotate, 1, 0, "TOKEN_REUSED")),
		}},
		"a refresh that loses against a logout": {records: []history.Record{
			long(rec(0, logout, 1, history.Done), 50*ms), keyed(refusal(20, rotate, 1, 3, "SESSION_REVOKED"), 3),
			refusal(100, access, 1, 0, "SESSION_REVOKED"),
		}},
		"401 after the end": {records: []history.Record{
			rec(0, logout, 1, history.Done), refusal(50, rotate, 1, 0, "TOKEN_INVALID"),
		}},
		"a theft": {records: []history.Record{
			rotated(0, 1, 1, "b"), replay(refusal(3000, rotate, 1, 0, "TOKEN_REUSED")), replay(refusal(3100, rotate, 2, 2, "SESSION_REVOKED")),
		}},

		"a fork":                  {[]history.Record{rotated(0, 1, 7, "b"), rotated(50, 1, 7, "x")}, []Rule{Fork}},
		"two winners":             {[]history.Record{rotated(0, 1, 0, "b"), rotated(50, 1, 0, "b")}, []Rule{TwoWinners}},
		"a repeat to another key": {[]history.Record{rotated(0, 1, 7, "b"), rotated(50, 1, 8, "b")}, []Rule{TwoWinners}},
		"a repeat of other bytes": {[]history.Record{rotated(0, 1, 7, "b"), repeatOtherBytes}, []Rule{UnlikeRepeat}},
		"an acknowledged rotation lost": {[]history.Record{
			rotated(0, 1, 1, "b"), rotated(20, 2, 2, "c"), keyed(refusal(50, rotate, 3, 3, "SESSION_UNKNOWN"), 3),
		}, []Rule{WronglyEnded}},
		"back to an older token": {[]history.Record{rotated(0, 1, 1, "b"), rotated(20, 2, 2, "c"), rotated(40, 1, 3, "b")}, []Rule{TwoWinners}},
		"a repeat of a generation that is over": {[]history.Record{
			rotated(0, 1, 1, "b"), rotated(20, 2, 2, "c"), rotated(40, 1, 1, "b"),
		}, []Rule{NotLinearizable}},
		"401 in an outage":        {[]history.Record{keyed(refusal(0, rotate, 1, 1, "TOKEN_INVALID"), 1)}, []Rule{WronglyEnded}},
		"401 after a lost answer": {[]history.Record{rec(0, rotate, 1, history.Cut), refusal(50, rotate, 1, 0, "TOKEN_INVALID")}, []Rule{WronglyEnded}},
		"an access check refused": {[]history.Record{refusal(0, access, 1, 0, "TOKEN_INVALID")}, []Rule{WronglyRefused}},
		"refused in the overlap":  {[]history.Record{rotated(0, 1, 1, "b"), refusal(500, access, 1, 0, "TOKEN_BLACKLISTED")}, []Rule{WronglyRefused}},
		"stale after a rotation":  {[]history.Record{rotated(0, 1, 1, "b"), rec(1100, access, 1, history.Done)}, []Rule{StaleAccept}},
		"stale after a logout":    {[]history.Record{rec(0, logout, 1, history.Done), rec(11, access, 1, history.Done)}, []Rule{StaleAccept}},
		"stale, bounded":          {[]history.Record{rotated(120_000, 1, 1, "b"), rec(122_000, access, 1, history.Done)}, []Rule{StaleAccept}},
		"stale after a blacklisting": {[]history.Record{
			rec(0, history.Blacklist, 1, history.Done), rec(50, access, 1, history.Done),
		}, []Rule{StaleAccept}},
		"stale after a rotation that landed": {[]history.Record{
			keyed(rec(0, rotate, 1, history.Cut), 1), rec(50, history.Landed, 1, history.Done), rec(1100, access, 1, history.Done),
		}, []Rule{StaleAccept}},
		"a refresh after a logout": {[]history.Record{rec(0, logout, 1, history.Done), rotated(50, 1, 1, "b")}, []Rule{AfterEnd}},
		"a retry window that stays open": {[]history.Record{
			rotated(0, 1, 1, "b"), rotated(5000, 1, 1, "b"), rotated(10_100, 1, 1, "b"),
		}, []Rule{LongReplay}},
		"a reuse window that stays open": {[]history.Record{
			rotated(0, 1, 1, "b"), replay(refusal(2100, rotate, 1, 0, "TOKEN_BLACKLISTED")),
		}, []Rule{LongReplay}},
		"a burst that stays open": {[]history.Record{
			rotated(0, 1, 1, "b"), rotated(3100, 2, 2, "c"), replay(refusal(4100, rotate, 1, 0, "TOKEN_BLACKLISTED")),
		}, []Rule{LongReplay}},
		"a burst of tokens of one second that stays open": {[]history.Record{
			rec(0, history.Login, 1, history.Done), rotated(3100, 1, 1, "b"), rotated(6000, 2, 2, "c"),
			replay(refusal(7200, rotate, 1, 0, "TOKEN_BLACKLISTED")),
		}, []Rule{LongReplay}},
		"a burst taken for a theft": {[]history.Record{
			rotated(0, 1, 1, "b"), rotated(100, 2, 2, "c"), replay(refusal(1900, rotate, 1, 0, "TOKEN_REUSED")),
		}, []Rule{EarlyReuse}},
		"revoked by nobody": {[]history.Record{
			rotated(0, 1, 1, "b"), replay(refusal(20, rotate, 2, 0, "SESSION_REVOKED")),
		}, []Rule{NotLinearizable}},
		"alive after a theft was punished": {[]history.Record{
			rotated(0, 1, 1, "b"), replay(refusal(3000, rotate, 1, 0, "TOKEN_REUSED")), rotated(3100, 2, 2, "c"),
		}, []Rule{NotLinearizable}},
		"nonsense": {[]history.Record{rec(0, rotate, 1, history.Strange)}, []Rule{StrangeAnswer}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := History(tt.records, rules()).Findings
			if len(got) != len(tt.want) {
				t.Fatalf("findings %v, want %v", got, tt.want)
			}
			for i, f := range got {
				if f.Rule != tt.want[i] {
					t.Errorf("findings %v, want %v", got, tt.want)
				}
				if bounded := strings.Contains(name, "bounded"); f.Bounded != bounded {
					t.Errorf("bounded %v, want %v", f.Bounded, bounded)
				}
			}
		})
	}
}

// TestHistory_longOutage: attempts of unknown outcome must not make the search
// take exponential time.
func TestHistory_longOutage(t *testing.T) {
	var records []history.Record
	for i := range 200 {
		records = append(records, long(keyed(rec(20*i, history.Rotate, 1, history.Unavailable), 7), time.Second))
	}
	records = append(records, rotated(6000, 1, 7, "b"), replay(refusal(7000, history.Rotate, 2, 0, "SESSION_REVOKED")))
	got := History(records, rules()).Findings
	if len(got) != 1 || got[0].Rule != NotLinearizable {
		t.Errorf("findings %v, want that nobody has revoked the session", got)
	}
}

func TestHistory_countsClientsWithoutKeys(t *testing.T) {
	unkeyed := []history.Record{rec(0, history.Rotate, 1, history.Cut), refusal(50, history.Rotate, 1, 0, "TOKEN_BLACKLISTED")}
	consumed := []history.Record{rec(0, history.Rotate, 1, history.Unavailable), refusal(50, history.Rotate, 1, 0, "TOKEN_BLACKLISTED")}
	for i := range consumed {
		consumed[i].Session = 1
	}
	got := History(append(unkeyed, consumed...), rules())
	if got.Unkeyed != 1 || got.Consumed != 1 || len(got.Findings) != 0 {
		t.Errorf("%+v", got)
	}
}

func TestAudit(t *testing.T) {
	records := []history.Record{rotated(0, 1, 1, "b"), rotated(20, 2, 2, "c")}
	open := append(records, keyed(rec(40, history.Rotate, 3, history.Cut), 3))
	tests := map[string]struct {
		records []history.Record
		row     Row
		want    []Rule
	}{
		"as acknowledged":         {records, Row{3, true}, nil},
		"an open attempt":         {open, Row{3, true}, nil},
		"an open attempt, landed": {open, Row{4, true}, nil},
		"one lost":                {records, Row{2, true}, []Rule{LostRotation}},
		"the session lost":        {records, Row{}, []Rule{LostRotation}},
		"one too many":            {records, Row{4, true}, []Rule{TwoWinners}},
		"two of an open attempt":  {open, Row{5, true}, []Rule{TwoWinners}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := Audit(tt.records, map[int]Row{0: tt.row})
			if len(got) != len(tt.want) || len(got) > 0 && got[0].Rule != tt.want[0] {
				t.Errorf("findings %v, want %v", got, tt.want)
			}
		})
	}
}
