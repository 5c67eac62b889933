package check

import (
	"testing"

	"rekey/bench/faults/internal/history"
)

func reset(at, link, password int, outcome history.Outcome) history.Record {
	r := rec(at, history.Reset, 0, outcome)
	r.Link, r.Password = link, password
	return r
}

func tried(at, password int, outcome history.Outcome) history.Record {
	r := rec(at, history.Password, 0, outcome)
	r.Password = password
	return r
}

func TestHistory_Resets(t *testing.T) {
	const (
		done    = history.Done
		refused = history.Refused
		cut     = history.Cut
	)
	tests := map[string]struct {
		records []history.Record
		want    []Rule
	}{
		"one of two wins":                            {[]history.Record{reset(10, 1, 1, done), reset(10, 1, 2, refused), tried(30, 0, refused), tried(50, 1, done), tried(70, 2, refused)}, nil},
		"both win":                                   {[]history.Record{reset(10, 1, 1, done), reset(10, 1, 2, done)}, []Rule{TwoResets}},
		"another link after it":                      {[]history.Record{reset(10, 1, 1, done), reset(30, 2, 2, done)}, []Rule{TwoResets}},
		"the old password works":                     {[]history.Record{reset(10, 1, 1, done), tried(30, 0, done)}, []Rule{OldPassword}},
		"the old password worked before":             {[]history.Record{tried(0, 0, done), reset(11, 1, 1, done), tried(30, 1, done)}, nil},
		"the new password does not work":             {[]history.Record{reset(10, 1, 1, done), tried(30, 1, refused)}, []Rule{LostReset}},
		"an unknown one set it":                      {[]history.Record{reset(10, 1, 1, cut), reset(10, 1, 2, refused), tried(30, 0, refused), tried(50, 1, done)}, nil},
		"an unknown one, and two passwords":          {[]history.Record{reset(10, 1, 1, cut), reset(10, 1, 2, refused), tried(30, 0, done), tried(50, 1, done)}, []Rule{OldPassword}},
		"unknown ones, of which one sets it later":   {[]history.Record{reset(10, 1, 1, cut), tried(30, 0, done), tried(50, 1, done)}, nil},
		"refused, and none set it":                   {[]history.Record{reset(10, 1, 1, refused), reset(10, 1, 2, refused)}, []Rule{VoidedLink}},
		"a lost mail":                                {[]history.Record{rec(10, history.Mail, 0, cut)}, []Rule{LostMail}},
		"the session is refreshed afterwards":        {[]history.Record{reset(10, 1, 1, done), rotated(30, 1, 1, "b")}, []Rule{AfterEnd}},
		"its access token is accepted afterwards":    {[]history.Record{reset(10, 1, 1, done), rec(30, history.Access, 1, done)}, []Rule{StaleAccept}},
		"it is refused afterwards":                   {[]history.Record{reset(10, 1, 1, done), replay(refusal(30, history.Rotate, 1, 1, "SESSION_REVOKED"))}, nil},
		"it is refused after a reset of no effect":   {[]history.Record{reset(10, 1, 1, refused), reset(10, 1, 2, cut), replay(refusal(30, history.Rotate, 1, 1, "SESSION_REVOKED"))}, nil},
		"it is refused while the reset is under way": {[]history.Record{long(reset(10, 1, 1, done), 90*ms), replay(refusal(30, history.Rotate, 1, 1, "SESSION_REVOKED"))}, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := History(tt.records, rules()).Findings
			if len(got) != len(tt.want) {
				t.Fatalf("findings %v, want %v", got, tt.want)
			}
			for i, f := range got {
				if f.Rule != tt.want[i] {
					t.Errorf("finding %v, want %s", f, tt.want[i])
				}
			}
		})
	}
}
