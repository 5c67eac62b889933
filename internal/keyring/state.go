package keyring

import (
	"cmp"
	"slices"
	"time"

	"rekey/internal/auth"
)

// State is the state of a key.
type State string

// The states, in their order.
const (
	Next    State = "next"    // published, does not sign yet
	Current State = "current" // signs
	Retired State = "retired" // verifies what it signed
	Ended   State = "ended"   // neither signs nor verifies
)

// Key describes a key for operators. It contains nothing secret.
type Key struct {
	KID     string
	Purpose auth.KeyPurpose
	State   State
	// Foreign is set for keys that may have signed elsewhere, too: imported keys
	// and keys of files.
	Foreign bool
	// File is set for a key that is read from a file, not from the database. Such
	// a key has no times.
	File bool
	// Master is the id of the master key that encrypts it. It is empty for a file.
	Master string
	// Previous is set if that is not the first master key of this process. Only a
	// ring that was opened knows this.
	Previous  bool
	CreatedAt time.Time
	SignsFrom *time.Time // nil for a key that never signs here
	EndsAt    *time.Time // nil while no other key follows
}

// keyState is a key of the database with its state.
type keyState struct {
	auth.SealedKey
	state  State
	endsAt *time.Time
}

// judge returns the keys of one purpose with their state at now. States are not
// stored: they follow from when each key signs and when the next one does, so
// replicas agree as far as their clocks do.
func judge(rows []auth.SealedKey, now time.Time) []keyState {
	var keys, others []keyState
	for _, k := range rows {
		if signs(k) {
			keys = append(keys, keyState{SealedKey: k})
		} else {
			others = append(others, keyState{SealedKey: k, state: Retired, endsAt: k.EndsAt})
		}
	}
	slices.SortFunc(keys, func(a, b keyState) int {
		return cmp.Or(a.SignsFrom.Compare(*b.SignsFrom), cmp.Compare(a.Number, b.Number))
	})
	for i := range keys {
		k := &keys[i]
		k.state, k.endsAt = Current, k.EndsAt
		if k.SignsFrom.After(now) {
			k.state = Next
		}
		if i+1 == len(keys) {
			continue
		}
		follows := *keys[i+1].SignsFrom
		if !follows.After(now) {
			k.state = Retired
		}
		if end := follows.Add(k.Life); k.EndsAt == nil || end.Before(*k.EndsAt) {
			k.endsAt = &end
		}
	}
	keys = append(keys, others...)
	for i := range keys {
		if end := keys[i].endsAt; end != nil && !now.Before(*end) {
			keys[i].state = Ended
		}
	}
	return keys
}

// signs reports whether a key signs at some time. A key that is withdrawn before
// its time never signs.
func signs(k auth.SealedKey) bool {
	return k.SignsFrom != nil && (k.EndsAt == nil || k.EndsAt.After(*k.SignsFrom))
}

// firstIn returns the first key in a state, or nil.
func firstIn(keys []keyState, s State) *keyState {
	i := slices.IndexFunc(keys, func(k keyState) bool { return k.state == s })
	if i < 0 {
		return nil
	}
	return &keys[i]
}

func (s keyState) key(foreign bool) Key {
	return Key{
		KID: s.KID, Purpose: s.Purpose, State: s.state, Foreign: foreign,
		Master: s.Master, CreatedAt: s.CreatedAt, SignsFrom: s.SignsFrom, EndsAt: s.endsAt,
	}
}
