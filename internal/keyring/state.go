package keyring

import (
	"cmp"
	"slices"
	"time"

	"rekey/internal/auth"
)

// State is where a key stands in its life.
type State string

// The states, in their order.
const (
	Next    State = "next"    // published, does not sign yet
	Current State = "current" // signs
	Retired State = "retired" // verifies what it signed
	Ended   State = "ended"   // is worth nothing
)

// Key is one key as operators see it: nothing of it is secret.
type Key struct {
	KID     string
	Purpose auth.KeyPurpose
	State   State
	// Foreign keys also signed elsewhere: they were imported, or are read from
	// a file.
	Foreign bool
	// File is whether the key is read from a file instead of the database.
	// Such a key has no times.
	File bool
	// Master is the id of the master key that it is sealed with; none for a file.
	Master string
	// Previous is whether that is not the one which seals here today, as far as
	// the ring was opened.
	Previous  bool
	CreatedAt time.Time
	SignsFrom *time.Time // nil for a key that never signs here
	EndsAt    *time.Time // nil as long as no key follows
}

// standing is a key of the database and where it stands.
type standing struct {
	auth.SealedKey
	state  State
	endsAt *time.Time
}

// judge says where the keys of one purpose stand at now. Nobody moves a key
// from state to state: all follows from when it signs and when the next one
// does, so that replicas agree as far as their clocks do.
func judge(keys []auth.SealedKey, now time.Time) []standing {
	var signing, others []standing
	for _, k := range keys {
		if signs(k) {
			signing = append(signing, standing{SealedKey: k})
		} else {
			others = append(others, standing{SealedKey: k, state: Retired, endsAt: k.EndsAt})
		}
	}
	slices.SortFunc(signing, func(a, b standing) int {
		return cmp.Or(a.SignsFrom.Compare(*b.SignsFrom), cmp.Compare(a.Number, b.Number))
	})
	for i := range signing {
		k := &signing[i]
		k.state, k.endsAt = Current, k.EndsAt
		if k.SignsFrom.After(now) {
			k.state = Next
		}
		if i+1 == len(signing) {
			continue
		}
		follows := *signing[i+1].SignsFrom
		if !follows.After(now) {
			k.state = Retired
		}
		k.endsAt = earliest(k.EndsAt, follows.Add(k.Life))
	}
	return ended(append(signing, others...), now)
}

// signs reports whether a key signs at some time: it was not withdrawn before.
func signs(k auth.SealedKey) bool {
	return k.SignsFrom != nil && (k.EndsAt == nil || k.EndsAt.After(*k.SignsFrom))
}

func earliest(a *time.Time, b time.Time) *time.Time {
	if a != nil && a.Before(b) {
		return a
	}
	return &b
}

func ended(keys []standing, now time.Time) []standing {
	for i := range keys {
		if end := keys[i].endsAt; end != nil && !now.Before(*end) {
			keys[i].state = Ended
		}
	}
	return keys
}

// firstIn returns the first key in a state, or nil.
func firstIn(keys []standing, s State) *standing {
	i := slices.IndexFunc(keys, func(k standing) bool { return k.state == s })
	if i < 0 {
		return nil
	}
	return &keys[i]
}

func (s standing) key(foreign bool) Key {
	return Key{
		KID: s.KID, Purpose: s.Purpose, State: s.state, Foreign: foreign,
		Master: s.Master, CreatedAt: s.CreatedAt, SignsFrom: s.SignsFrom, EndsAt: s.endsAt,
	}
}
