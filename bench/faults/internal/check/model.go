package check

import (
	"time"

	"github.com/anishathalye/porcupine"

	"rekey/bench/faults/internal/history"
)

// state holds the modelled state of a session: the number of rotations, the
// idempotency key of the last one, and whether the session was revoked.
type state struct {
	gen     int
	key     int
	revoked bool
	// unacknowledged: the last rotation had no key, and no client is known to
	// have received its child. A client that repeats the request with the same
	// token may then receive the child.
	unacknowledged bool
}

// model describes a session as clients would see it if they sent their requests
// one after the other. An attempt of unknown outcome leads to more than one
// state. The model does not compare the children themselves: that a token has
// one child is checked directly.
func model() porcupine.Model {
	m := porcupine.NondeterministicModel{
		Init:  func() []any { return []any{state{gen: 1}} },
		Step:  func(s, in, _ any) []any { return step(s.(state), in.(history.Record)) },
		Equal: func(a, b any) bool { return a.(state) == b.(state) },
	}
	return m.ToModel()
}

// step returns the states that a record can lead to. It returns none if the
// answer is impossible in s.
func step(s state, r history.Record) []any {
	var next []state
	switch r.Kind {
	case history.Rotate:
		next = rotate(s, r)
	case history.Access:
		next = access(s, r)
	case history.Logout:
		next = logout(s, r)
	case history.Reset, history.EndedBy:
		if next = logout(s, r); r.Outcome == history.Refused {
			next = []state{s} // the link was used
		}
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
		if s.gen == r.Gen+1 && r.Key == s.key && !s.revoked && (r.Key != 0 || s.unacknowledged) {
			return []state{delivered(s)} // the same pair, or its first delivery
		}
		return nil
	case history.Refused:
		return refused(s, r)
	case history.Unavailable, history.Cut:
		switch {
		case current:
			swapped.unacknowledged = r.Key == 0
			return []state{s, swapped}
		case s.unacknowledged && s.gen == r.Gen+1 && r.Key == 0 && !s.revoked:
			return []state{s, delivered(s), {gen: s.gen, key: s.key, revoked: true}}
		case s.gen > r.Gen+1, s.gen > r.Gen && (r.Key == 0 || r.Key != s.key):
			return []state{s, {gen: s.gen, key: s.key, revoked: true}} // may have been judged as theft
		}
		return []state{s}
	}
	return nil
}

func delivered(s state) state {
	s.unacknowledged = false
	return s
}

// refused handles the legacy transport, which has one message for every kind of
// blacklisting.
func refused(s state, r history.Record) []state {
	over := s.gen > r.Gen
	ended := state{gen: s.gen, key: s.key, revoked: true}
	switch r.Reason {
	case "SESSION_REVOKED":
		return only(s, s.revoked)
	case "TOKEN_REUSED":
		return only(ended, over)
	case "TOKEN_BLACKLISTED": // a race; windows checks its time
		return only(s, over && !s.revoked)
	case "token is blacklisted":
		switch {
		case s.revoked:
			return []state{s}
		case over:
			return []state{s, ended}
		}
		return nil
	}
	return only(s, s.revoked) // for any reason
}

// access handles access checks. For how long the token of an earlier generation
// is accepted depends on time, which is checked directly.
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

// forever is the latest time at which an attempt of unknown outcome can take
// effect.
const forever = time.Duration(1<<62 - 1)

// operations converts a session's records to the form that porcupine needs.
func operations(records []history.Record) []porcupine.Operation {
	over := map[int]time.Duration{} // when a generation is known to have been replaced
	for _, r := range records {
		if r.Kind == history.Rotate && r.Outcome == history.Done {
			earliest(over, r.Gen, r.End)
		}
	}
	ops := make([]porcupine.Operation, 0, len(records))
	attempts := map[attempt][]int{} // the operations for attempts of unknown outcome
	for _, r := range records {
		unknown := r.Outcome == history.Unavailable || r.Outcome == history.Cut
		if unknown && r.Kind == history.Access || besides(r.Kind) {
			continue
		}
		end := r.End
		if unknown {
			end = lasting(r, over)
			// Without a key, the first try can rotate the token, the second can
			// receive the child, and the third can be judged as theft.
			effects := 1
			if r.Kind == history.Rotate && r.Key == 0 {
				effects = 3
			}
			own := attempts[attempt{r.Kind, r.Gen, r.Key}]
			if len(own) == effects {
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

// besides reports whether the model does not know requests of a kind.
func besides(k history.Kind) bool {
	return k == history.Login || k == history.Blacklist || k == history.Password || k == history.Mail
}

// attempt identifies tries of unknown outcome that the session cannot
// distinguish. The search treats them as one; otherwise it would try all their
// orders.
type attempt struct {
	kind     history.Kind
	gen, key int
}

// lasting returns the latest time at which an attempt of unknown outcome can
// take effect: when the generation that it presents is known to have been
// replaced.
func lasting(r history.Record, over map[int]time.Duration) time.Duration {
	if known, ok := over[r.Gen]; ok && r.Kind == history.Rotate {
		return max(r.Start, known)
	}
	return forever
}

// linearizable searches for an order of a session's requests. If there is none,
// it returns the record at which the longest attempt stopped.
func linearizable(records []history.Record, timeout time.Duration) (porcupine.CheckResult, history.Record) {
	ops := operations(records)
	result := porcupine.CheckOperationsTimeout(model(), ops, timeout)
	if result != porcupine.Illegal {
		return result, history.Record{}
	}
	_, info := porcupine.CheckOperationsVerbose(model(), ops, timeout)
	return result, stuck(ops, info.PartialLinearizationsOperations())
}

// stuck returns the first operation that the longest order could not place.
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
