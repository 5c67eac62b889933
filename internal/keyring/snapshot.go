package keyring

import (
	"crypto/ecdsa"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"rekey/internal/auth"
	"rekey/internal/token"
)

// snapshot is the ring at one moment. It never changes.
type snapshot struct {
	access, refresh token.KeySet
	secrets         [][]byte
	jwks, pem       []byte
	keys            []Key
	mark            string // says the same of snapshots that are the same
}

// newSnapshot judges all purposes at now. Its error names those that have no
// key to sign with. The caller holds the lock.
func (r *Ring) newSnapshot(now time.Time) (*snapshot, error) {
	s := &snapshot{}
	of := map[auth.KeyPurpose]purposeKeys{}
	var problems []error
	for _, p := range auth.KeyPurposes() {
		some := r.purposeKeys(p, now)
		if some.current == nil {
			problems = append(problems, fmt.Errorf("%w: %s", errNoKey, p))
		}
		of[p] = some
		s.keys = append(s.keys, some.keys...)
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	s.access, s.refresh = of[auth.KeyAccess].set(), of[auth.KeyRefresh].set()
	s.secrets = append(s.secrets, of[auth.KeyRotation].current.secret)
	for _, m := range of[auth.KeyRotation].others {
		s.secrets = append(s.secrets, m.secret)
	}
	s.mark = markOf(s.keys)
	return s, s.publish()
}

// purposeKeys are the keys of one purpose: all of them, and apart those that
// are worth something.
type purposeKeys struct {
	current *material
	others  []material
	keys    []Key
}

// purposeKeys judges those of one purpose. The caller holds the lock.
func (r *Ring) purposeKeys(p auth.KeyPurpose, now time.Time) (all purposeKeys) {
	all.keys = r.files.list(p)
	for i, m := range r.files.keys[p] {
		all.place(m, all.keys[i].State)
	}
	if !r.stored(p) {
		return all
	}
	keys := judge(r.rowsOf(p), now)
	signer := r.signer(keys)
	for _, k := range keys {
		m, known := r.opened[k.KID]
		all.keys = append(all.keys, k.key(m.foreign))
		switch {
		case signer != nil && k.KID == signer.KID:
			all.place(m, Current)
		case known && k.state != Ended:
			all.place(m, Retired)
		}
	}
	return all
}

// signer is the current key. Where this process cannot open that, or where by
// a slow clock it ended before another begins, one of its neighbours will do:
// every replica verifies what it signs. The caller holds the lock.
func (r *Ring) signer(keys []standing) *standing {
	for _, s := range []State{Current, Next, Retired} {
		for i := range slices.Backward(keys) {
			k := &keys[i]
			if _, known := r.opened[k.KID]; known && k.state == s && k.SignsFrom != nil {
				return k
			}
		}
	}
	return nil
}

func (all *purposeKeys) place(m material, s State) {
	if s == Current {
		all.current = &m
		return
	}
	all.others = append(all.others, m)
}

// rowsOf returns the rows of a purpose. The caller holds the lock.
func (r *Ring) rowsOf(p auth.KeyPurpose) []auth.SealedKey {
	var some []auth.SealedKey
	for _, k := range r.rows {
		if k.Purpose == p {
			some = append(some, k)
		}
	}
	return some
}

// set is the form in which the codec takes the keys.
func (all purposeKeys) set() token.KeySet {
	set := token.KeySet{Signing: all.current.private}
	if all.current.foreign {
		set.Foreign = append(set.Foreign, all.current.public)
	}
	for _, m := range all.others {
		set.Verify = append(set.Verify, m.public)
		if m.foreign {
			set.Foreign = append(set.Foreign, m.public)
		}
	}
	return set
}

// publish writes what everybody may see: access keys alone.
func (s *snapshot) publish() (err error) {
	public := append([]*ecdsa.PublicKey{&s.access.Signing.PublicKey}, s.access.Verify...)
	if s.jwks, err = token.JWKS(public); err != nil {
		return err
	}
	s.pem, err = token.PublicPEM(public[0])
	return err
}

func markOf(keys []Key) string {
	var b strings.Builder
	for _, k := range keys {
		fmt.Fprintln(&b, k.Purpose, k.KID, k.State, k.EndsAt, k.SignsFrom)
	}
	return b.String()
}
