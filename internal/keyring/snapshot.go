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

// take judges all purposes at now. Its error names those that have no key to
// sign with.
func (r *Ring) take(now time.Time) (*snapshot, error) {
	s := &snapshot{}
	lines := map[auth.KeyPurpose]line{}
	var problems []error
	for _, p := range auth.KeyPurposes() {
		l := r.line(p, now)
		if l.current == nil {
			problems = append(problems, fmt.Errorf("%w: %s", errNoKey, p))
		}
		lines[p] = l
		s.keys = append(s.keys, l.keys...)
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	s.access, s.refresh = lines[auth.KeyAccess].set(), lines[auth.KeyRefresh].set()
	s.secrets = append(s.secrets, lines[auth.KeyRotation].current.secret)
	for _, m := range lines[auth.KeyRotation].others {
		s.secrets = append(s.secrets, m.secret)
	}
	s.mark = markOf(s.keys)
	return s, s.publish()
}

// line is the keys of one purpose that are worth something.
type line struct {
	current *material
	others  []material
	keys    []Key
}

func (r *Ring) line(p auth.KeyPurpose, now time.Time) (l line) {
	l.keys = r.files.list(p)
	for i, m := range r.files.keys[p] {
		l.place(m, l.keys[i].State)
	}
	if !r.stored(p) {
		return l
	}
	keys := judge(r.of(p), now)
	signer := r.signer(keys)
	for _, k := range keys {
		m, known := r.opened[k.KID]
		l.keys = append(l.keys, k.key(m.foreign))
		switch {
		case signer != nil && k.KID == signer.KID:
			l.place(m, Current)
		case known && k.state != Ended:
			l.place(m, Retired)
		}
	}
	return l
}

// signer is the current key. Where this process cannot open that, or where by
// a slow clock it ended before another begins, one of its neighbours will do:
// every replica verifies what it signs.
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

func (l *line) place(m material, s State) {
	if s == Current {
		l.current = &m
		return
	}
	l.others = append(l.others, m)
}

// of returns the rows of a purpose.
func (r *Ring) of(p auth.KeyPurpose) []auth.SealedKey {
	var some []auth.SealedKey
	for _, k := range r.rows {
		if k.Purpose == p {
			some = append(some, k)
		}
	}
	return some
}

// set is the form in which the codec takes the keys.
func (l line) set() token.KeySet {
	set := token.KeySet{Signing: l.current.private}
	if l.current.foreign {
		set.Foreign = append(set.Foreign, l.current.public)
	}
	for _, m := range l.others {
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
