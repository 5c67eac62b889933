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

// Import is a file of keys that were made elsewhere.
type Import struct {
	Purpose auth.KeyPurpose
	File    string // PEM; a secret to a line for rotation keys
	// VerifyOnly takes a key, public or private, for verifying alone, for as
	// long as For says; 0 is as long as what it signed may be good.
	VerifyOnly bool
	For        time.Duration
}

// Import adds keys that were made elsewhere. Without VerifyOnly the key
// becomes the next one; in a ring without keys the current one. It returns the
// ids.
func (r *Ring) Import(ctx context.Context, in Import) ([]string, error) {
	data, err := os.ReadFile(in.File)
	if err != nil {
		return nil, fmt.Errorf("reading keys: %w", err)
	}
	keys, err := in.parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", in.File, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.unlock(ctx, true); err != nil {
		return nil, err
	}
	if err := r.mayChange(in.Purpose); err != nil {
		return nil, err
	}
	ids := make([]string, len(keys))
	for i, m := range keys {
		m.foreign = true
		ids[i] = m.kid()
		if err := r.importOne(ctx, in, m); err != nil {
			return ids[:i], err
		}
	}
	return ids, nil
}

func (in Import) parse(data []byte) ([]material, error) {
	keys, err := parsePrivate(in.Purpose, data)
	switch {
	case err == nil && !in.VerifyOnly && len(keys) > 1:
		return nil, errors.New("one key can be the next, the file holds several: import the others with --verify-only")
	case err == nil || in.Purpose == auth.KeyRotation || !in.VerifyOnly:
		for i := range keys {
			if in.VerifyOnly {
				keys[i].private = nil
			}
		}
		return keys, err
	}
	public, err := token.ParseVerifyKeys(data)
	keys = nil
	for _, key := range public {
		keys = append(keys, material{public: key})
	}
	return keys, err
}

// parsePrivate reads a file of secrets, or a PEM file with a private key.
func parsePrivate(p auth.KeyPurpose, data []byte) ([]material, error) {
	if p != auth.KeyRotation {
		key, err := token.ParseSigningKey(data)
		if err != nil {
			return nil, err
		}
		return []material{ofPrivate(key)}, nil
	}
	secrets, err := parseSecrets(data)
	keys := make([]material, len(secrets))
	for i, secret := range secrets {
		keys[i].secret = secret
	}
	return keys, err
}

// importOne is Import for one key. The caller holds the lock.
func (r *Ring) importOne(ctx context.Context, in Import, m material) error {
	kid := m.kid()
	if r.knows(kid) {
		return fmt.Errorf("the key %s is in the ring already", kid)
	}
	if !in.VerifyOnly {
		return r.follow(ctx, in.Purpose, m)
	}
	k, err := r.masters.seal(in.Purpose, m)
	if err != nil {
		return err
	}
	if k.Life = in.For; k.Life == 0 {
		k.Life = r.life(in.Purpose)
	}
	e := r.event(ctx, auth.EventKeyAdded, in.Purpose, kid)
	_, err = r.Store.AddKey(ctx, k, 0, e)
	if err == nil {
		r.emit(ctx, e)
	}
	return err
}
