package keyring

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"rekey/internal/auth"
	"rekey/internal/token"
)

// Import describes a file of keys that were created elsewhere.
type Import struct {
	Purpose auth.KeyPurpose
	File    string // PEM; for rotation keys one secret a line
	// VerifyOnly imports public or private keys that only verify, for as long as
	// For says. If For is 0, this is as long as what they signed may be valid.
	VerifyOnly bool
	For        time.Duration
}

// read returns the keys of the file.
func (in Import) read() ([]keyMaterial, error) {
	data, err := os.ReadFile(in.File)
	if err != nil {
		return nil, fmt.Errorf("reading keys: %w", err)
	}
	keys, err := in.parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", in.File, err)
	}
	if len(keys) > 1 && !in.VerifyOnly {
		return nil, fmt.Errorf("%s: the file holds several keys, and only one can be the next: import the others with --verify-only", in.File)
	}
	for i := range keys {
		keys[i].foreign = true
		if in.VerifyOnly {
			keys[i].private = nil
		}
	}
	return keys, nil
}

func (in Import) parse(data []byte) (keys []keyMaterial, err error) {
	if in.Purpose == auth.KeyRotation {
		secrets, err := parseSecrets(data)
		for _, secret := range secrets {
			keys = append(keys, keyMaterial{secret: secret})
		}
		return keys, err
	}
	private, err := token.ParseSigningKey(data)
	if err == nil {
		return []keyMaterial{{private: private, public: &private.PublicKey}}, nil
	}
	if !in.VerifyOnly {
		return nil, err
	}
	public, err := token.ParseVerifyKeys(data)
	for _, key := range public {
		keys = append(keys, keyMaterial{public: key})
	}
	return keys, err
}

// Import adds keys that were created elsewhere and returns their ids. Without
// VerifyOnly the key becomes the next one, or the current one of a purpose that
// has none.
func (r *Ring) Import(ctx context.Context, in Import) (ids []string, err error) {
	keys, err := in.read()
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	now, err := r.unlock(ctx, true)
	if err != nil {
		return nil, err
	}
	for _, m := range keys {
		if r.find(m.kid(), now) != nil {
			return ids, fmt.Errorf("the key %s is in the ring already", m.kid())
		}
		n := newKey{purpose: in.Purpose, material: &m}
		if in.VerifyOnly {
			if n.verifyFor = in.For; n.verifyFor == 0 {
				n.verifyFor = r.life(in.Purpose)
			}
		}
		kid, err := r.addByOperator(ctx, n, now)
		if err != nil {
			return ids, err
		}
		ids = append(ids, kid)
	}
	return ids, nil
}

// addByOperator adds a key, if the ring can be changed and a next key does not
// wait already.
func (r *Ring) addByOperator(ctx context.Context, n newKey, now time.Time) (kid string, err error) {
	if next := firstIn(judge(r.rows[n.purpose], now), Next); n.verifyFor == 0 && next != nil {
		return "", fmt.Errorf("%s: %w: %s, which signs from %s", n.purpose, ErrWaiting, next.KID, next.SignsFrom.Format(time.RFC3339))
	}
	n.lead = r.lead()
	return r.addChecked(ctx, n)
}

// addNow adds a key that signs as soon as all replicas know it.
func (r *Ring) addNow(ctx context.Context, n newKey, _ time.Time) (kid string, err error) {
	n.lead = r.leadNow()
	return r.addChecked(ctx, n)
}

// addChecked adds a key, if the ring can be changed.
func (r *Ring) addChecked(ctx context.Context, n newKey) (kid string, err error) {
	switch {
	case !r.stored(n.purpose):
		return "", fmt.Errorf("the %s keys are read from files (see docs/keys.md): change those", n.purpose)
	case len(r.masters) == 0:
		return "", errors.New("there are no keys yet: the service creates them when it starts")
	}
	kid, added, err := r.addNext(ctx, n)
	if err == nil && !added && n.verifyFor == 0 {
		err = fmt.Errorf("%s: %w, or this key is in the ring", n.purpose, ErrWaiting)
	}
	return kid, err
}
