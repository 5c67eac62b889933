package check

import (
	"time"

	"github.com/anishathalye/porcupine"

	"rekey/bench/faults/internal/history"
)

// state is what a session is: how many rotations there have been, the key of
// the last one, and whether it has ended.
type state struct {
	gen     int
	key     int
	revoked bool
}

// model is a session as one client after the other would see it. An attempt of
// unknown outcome leads to more than one state. What a child looks like is not
// part of it: that a token has one child is checked directly.
func model() porcupine.Model {
	m := porcupine.NondeterministicModel{
		Init:  func() []any { return []any{state{gen: 1}} },
		Step:  func(s, in, _ any) []any { return step(s.(state), in.(history.Record)) },
		Equal: func(a, b any) bool { return a.(state) == b.(state) },
	}
	return m.ToModel()
}

// step returns the states that a record leads to; none when it cannot be.
func step(s state, r history.Record) []any {
	var next []state
	switch r.Kind {
	case history.Rotate:
		next = rotate(s, r)
	case history.Access:
		next = access(s, r)
	case history.Logout:
		next = logout(s, r)
	case history.Landed:
		next = only(s, s.gen > r.Gen)
	default:
		next = []state{s}
	}
	states := make([]any, len(next))
	for i, n := range next {
		states[i] = n
	}
	return states
}

func rotate(s state, r history.Record) []state {
	swapped := state{gen: s.gen + 1, key: r.Key}
	current := s.gen == r.Gen && !s.revoked
	switch r.Outcome {
	case history.Done:
		if current {
			return []state{swapped}
		}
		if s.gen == r.Gen+1 && r.Key != 0 && r.Key == s.key && !s.revoked {
			return []state{s} // the same pair again
		}
		return nil
	case history.Refused:
		return refused(s, r)
	case history.Unavailable, history.Cut:
		switch {
		case current:
			return []state{s, swapped}
		case s.gen > r.Gen+1, s.gen > r.Gen && (r.Key == 0 || r.Key != s.key):
			return []state{s, {gen: s.gen, key: s.key, revoked: true}} // taken for a theft
		}
		return []state{s}
	}
	return nil
}

// refused: the legacy door has one message for every kind of blacklisting.
func refused(s state, r history.Record) []state {
	over := s.gen > r.Gen
	ended := state{gen: s.gen, key: s.key, revoked: true}
	switch r.Reason {
	case "SESSION_REVOKED":
		return only(s, s.revoked)
	case "TOKEN_REUSED":
		return only(ended, over)
	case "TOKEN_BLACKLISTED":
		return only(s, s.gen == r.Gen+1 && !s.revoked)
	case "token is blacklisted":
		switch {
		case s.revoked:
			return []state{s}
		case over:
			return []state{s, ended}
		}
	}
	return nil
}

func access(s state, r history.Record) []state {
	switch r.Outcome {
	case history.Done:
		return only(s, !s.revoked && (s.gen == r.Gen || s.gen == r.Gen+1))
	case history.Refused:
		return only(s, s.revoked || s.gen > r.Gen)
	}
	return []state{s}
}

func logout(s state, r history.Record) []state {
	ended := state{gen: s.gen, key: s.key, revoked: true}
	switch r.Outcome {
	case history.Done:
		return []state{ended}
	case history.Unavailable, history.Cut:
		return []state{s, ended}
	}
	return nil
}

func only(s state, possible bool) []state {
	if possible {
		return []state{s}
	}
	return nil
}

// forever is when an attempt of unknown outcome takes effect at the latest.
const forever = time.Duration(1<<62 - 1)

// operations are a session's records as porcupine wants them. An unknown
// attempt may take effect any time later, but no later than the generation
// that it presents is known to be over.
func operations(records []history.Record) []porcupine.Operation {
	over := map[int]time.Duration{}
	for _, r := range records {
		if r.Kind == history.Rotate && r.Outcome == history.Done {
			if end, ok := over[r.Gen]; !ok || r.End < end {
				over[r.Gen] = r.End
			}
		}
	}
	ops := make([]porcupine.Operation, 0, len(records))
	for _, r := range records {
		unknown := r.Outcome == history.Unavailable || r.Outcome == history.Cut
		if unknown && r.Kind == history.Access || r.Kind == history.Login || r.Kind == history.Blacklist {
			continue
		}
		end := r.End
		if unknown {
			end = forever
			if known, ok := over[r.Gen]; ok && r.Kind == history.Rotate {
				end = max(r.Start, known)
			}
		}
		ops = append(ops, porcupine.Operation{Input: r, Call: int64(r.Start), Return: int64(end)})
	}
	return ops
}

// linearizable looks for an order of a session's requests.
func linearizable(records []history.Record, timeout time.Duration) porcupine.CheckResult {
	return porcupine.CheckOperationsTimeout(model(), operations(records), timeout)
}
