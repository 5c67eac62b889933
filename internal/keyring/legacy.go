package keyring

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"rekey/internal/auth"
	"rekey/internal/token"
)

// legacyFile is where an earlier version kept the keys of a purpose in the
// data directory.
type legacyFile auth.KeyPurpose

// takenOver ends the name of a file whose keys are in the database.
const takenOver = ".imported"

func (f legacyFile) path(dir string) string {
	if auth.KeyPurpose(f) == auth.KeyRotation {
		return filepath.Join(dir, "rotation.keys")
	}
	return filepath.Join(dir, string(f)+".pem")
}

// load returns the keys, the one that signs first; none when there is no file.
func (f legacyFile) load(dir string) ([]material, error) {
	data, err := readPrivate(f.path(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var keys []material
	if err == nil {
		keys, err = parsePrivate(auth.KeyPurpose(f), data)
	}
	if err != nil {
		return nil, fmt.Errorf("%s key of an earlier version: %s: %w", f, f.path(dir), err)
	}
	return keys, nil
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

// takeOver moves the keys of a file into the ring. The caller holds the lock.
func (r *Ring) takeOver(ctx context.Context, p auth.KeyPurpose, keys []material) error {
	for i, m := range keys {
		number := int64(0)
		if i == 0 {
			number = 1
		}
		if _, err := r.add(ctx, p, m, number, 0); err != nil {
			return err
		}
	}
	return nil // the file is put aside when the ring has been seen to know them
}

// checkLegacy puts a file aside whose keys the ring has, and fails for one
// with others: whoever has tokens of theirs would be signed out. The caller
// holds the lock.
func (r *Ring) checkLegacy(p auth.KeyPurpose, keys []material) error {
	path := legacyFile(p).path(r.Dir)
	if kid := keys[0].kid(); !r.knows(kid) {
		return fmt.Errorf("%s holds the %s key %s, which is not in the ring of this database: "+
			"take it over with rekey keys import --purpose %s --verify-only %s, or delete the file", path, p, kid, p, path)
	}
	r.Logger.Info("keys taken over into the database", "purpose", p, "file", path, "now", path+takenOver)
	err := os.Rename(path, path+takenOver)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // another replica was faster
	}
	return err
}
