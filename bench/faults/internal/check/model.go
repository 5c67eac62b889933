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
	// undelivered: the last rotation had no key, and as far as is known its
	// child was handed to nobody. Then who asks again with the same token may
	// get it.
	undelivered bool
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
		if s.gen == r.Gen+1 && r.Key == s.key && !s.revoked && (r.Key != 0 || s.undelivered) {
			return []state{delivered(s)} // the same pair again, or at last
		}
		return nil
	case history.Refused:
		return refused(s, r)
	case history.Unavailable, history.Cut:
		switch {
		case current:
			swapped.undelivered = r.Key == 0
			return []state{s, swapped}
		case s.undelivered && s.gen == r.Gen+1 && r.Key == 0 && !s.revoked:
			return []state{s, delivered(s), {gen: s.gen, key: s.key, revoked: true}}
		case s.gen > r.Gen+1, s.gen > r.Gen && (r.Key == 0 || r.Key != s.key):
			return []state{s, {gen: s.gen, key: s.key, revoked: true}} // taken for a theft
		}
		return []state{s}
	}
	return nil
}

func delivered(s state) state {
	s.undelivered = false
	return s
}

// refused: the legacy transport has one message for every kind of blacklisting.
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
		return nil
	}
	return only(s, s.revoked) // for whatever reason
}

// access: for how long a token of an earlier generation passes is a matter of
// time, which is checked directly.
func access(s state, r history.Record) []state {
	switch r.Outcome {
	case history.Done:
		return only(s, !s.revoked && s.gen >= r.Gen)
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

// operations are a session's records as porcupine wants them.
func operations(records []history.Record) []porcupine.Operation {
	over := map[int]time.Duration{} // when a generation is known to be over
	for _, r := range records {
		if r.Kind == history.Rotate && r.Outcome == history.Done {
			earliest(over, r.Gen, r.End)
		}
	}
	ops := make([]porcupine.Operation, 0, len(records))
	attempts := map[attempt][]int{} // the operations for attempts of unknown outcome
	for _, r := range records {
		unknown := r.Outcome == history.Unavailable || r.Outcome == history.Cut
		if unknown && r.Kind == history.Access || r.Kind == history.Login || r.Kind == history.Blacklist {
			continue
		}
		end := r.End
		if unknown {
			end = lasting(r, over)
			own := attempts[attempt{r.Kind, r.Gen, r.Key}]
			if len(own) == effects(r) {
				last := &ops[own[len(own)-1]]
				last.Return = max(last.Return, int64(end))
				continue
			}
			attempts[attempt{r.Kind, r.Gen, r.Key}] = append(own, len(ops))
		}
		ops = append(ops, porcupine.Operation{Input: r, Call: int64(r.Start), Return: int64(end)})
	}
	return ops
}

// attempt is what tries of unknown outcome have in common that are one to the
// session, however many there are: without this the search would try all
// their orders.
type attempt struct {
	kind     history.Kind
	gen, key int
}

// effects is how many effects such tries can have together: without a key the
// first can rotate, another be handed the child, and another be taken for a theft.
func effects(r history.Record) int {
	if r.Kind == history.Rotate && r.Key == 0 {
		return 3
	}
	return 1
}

// lasting is until when an attempt of unknown outcome may take effect: no
// later than the generation that it presents is known to be over.
func lasting(r history.Record, over map[int]time.Duration) time.Duration {
	if known, ok := over[r.Gen]; ok && r.Kind == history.Rotate {
		return max(r.Start, known)
	}
	return forever
}

// linearizable looks for an order of a session's requests. Where there is none
// it says at which record the longest attempt ended.
func linearizable(records []history.Record, timeout time.Duration) (porcupine.CheckResult, history.Record) {
	ops := operations(records)
	result := porcupine.CheckOperationsTimeout(model(), ops, timeout)
	if result != porcupine.Illegal {
		return result, history.Record{}
	}
	_, info := porcupine.CheckOperationsVerbose(model(), ops, timeout)
	return result, stuck(ops, info.PartialLinearizationsOperations())
}

// stuck is the first operation that the longest order has no place for.
func stuck(ops []porcupine.Operation, partitions [][][]porcupine.Operation) history.Record {
	placed := map[history.Record]bool{}
	for _, orders := range partitions {
		for _, order := range orders {
			if len(order) < len(placed) {
				continue
			}
			clear(placed)
			for _, op := range order {
				placed[op.Input.(history.Record)] = true
			}
		}
	}
	for _, op := range ops {
		if r := op.Input.(history.Record); !placed[r] {
			return r
		}
	}
	return history.Record{}
}
