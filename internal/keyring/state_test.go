package keyring

import (
	"testing"
	"time"

	"rekey/internal/auth"
)

func noon() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

func at(d time.Duration) *time.Time {
	t := noon().Add(d)
	return &t
}

// TestJudge checks the states of keys over time: key 2 signs from noon, when key 1
// retires. Tokens of key 1 are valid for an hour.
func TestJudge(t *testing.T) {
	const hour = time.Hour
	one := auth.SealedKey{KID: "1", Number: 1, Life: hour, SignsFrom: at(-10 * hour)}
	two := auth.SealedKey{KID: "2", Number: 2, Life: hour, SignsFrom: at(0)}
	three := auth.SealedKey{KID: "3", Number: 3, Life: hour, SignsFrom: at(2 * hour)}
	foreign := auth.SealedKey{KID: "f", EndsAt: at(hour)}
	withdrawn := three
	withdrawn.EndsAt = at(-hour)
	compromised := two
	compromised.EndsAt = at(2 * hour)
	shortened := one
	shortened.EndsAt = at(time.Minute)
	for name, test := range map[string]struct {
		keys []auth.SealedKey
		now  time.Duration
		want map[string]State
		ends map[string]*time.Time
	}{
		"Empty":             {nil, 0, nil, nil},
		"Alone":             {[]auth.SealedKey{one}, 0, map[string]State{"1": Current}, map[string]*time.Time{"1": nil}},
		"BeforeItsTime":     {[]auth.SealedKey{one, two}, -1, map[string]State{"1": Current, "2": Next}, map[string]*time.Time{"1": at(hour)}},
		"AtItsTime":         {[]auth.SealedKey{two, one}, 0, map[string]State{"1": Retired, "2": Current}, map[string]*time.Time{"2": nil}},
		"LastTokenLives":    {[]auth.SealedKey{one, two}, hour - 1, map[string]State{"1": Retired, "2": Current}, nil},
		"LastTokenExpired":  {[]auth.SealedKey{one, two}, hour, map[string]State{"1": Ended, "2": Current}, nil},
		"Three":             {[]auth.SealedKey{one, two, three}, hour / 2, map[string]State{"1": Retired, "2": Current, "3": Next}, nil},
		"Withdrawn":         {[]auth.SealedKey{one, two, withdrawn}, 3 * hour, map[string]State{"1": Ended, "2": Current, "3": Ended}, map[string]*time.Time{"2": nil}},
		"Compromised":       {[]auth.SealedKey{three, compromised}, 2 * hour, map[string]State{"2": Ended, "3": Current}, map[string]*time.Time{"2": at(2 * hour)}},
		"Shortened":         {[]auth.SealedKey{shortened, two}, time.Minute, map[string]State{"1": Ended, "2": Current}, nil},
		"OnlyVerifies":      {[]auth.SealedKey{one, foreign}, 0, map[string]State{"1": Current, "f": Retired}, map[string]*time.Time{"1": nil, "f": at(hour)}},
		"OnlyVerifiedOnce":  {[]auth.SealedKey{one, foreign}, hour, map[string]State{"1": Current, "f": Ended}, nil},
		"NobodySignsBefore": {[]auth.SealedKey{two}, -1, map[string]State{"2": Next}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got := map[string]keyState{}
			for _, k := range judge(test.keys, noon().Add(test.now)) {
				got[k.KID] = k
			}
			if len(got) != len(test.want) {
				t.Errorf("%d keys, want %d", len(got), len(test.want))
			}
			for kid, want := range test.want {
				if got[kid].state != want {
					t.Errorf("key %s is %s, want %s", kid, got[kid].state, want)
				}
			}
			for kid, want := range test.ends {
				end := got[kid].endsAt
				if (end == nil) != (want == nil) || end != nil && !end.Equal(*want) {
					t.Errorf("key %s ends at %v, want %v", kid, end, want)
				}
			}
		})
	}
}
