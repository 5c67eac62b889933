package token

import (
	"crypto/ecdsa"
	"errors"
	"path/filepath"
)

// Files says where keys are kept.
type Files struct {
	// Dir is where keys are made that no file is named for. Empty: none are
	// made, and what is not named is left out.
	Dir string
	// AccessPrivate and RefreshPrivate sign; Rotation holds the ring that
	// secrets are derived with. Empty: a file in Dir.
	AccessPrivate, RefreshPrivate, Rotation string
	// AccessVerify and RefreshVerify hold further public keys to verify with.
	AccessVerify, RefreshVerify []string
}

// Keys are all keys of a process.
type Keys struct {
	Access, Refresh KeySet
	Rotation        [][]byte // see LoadOrCreateSecrets
}

// Load reads the keys, and makes those that are not there. Its error names all
// problems at once, keys that stand in both sets included.
func (f Files) Load() (Keys, error) {
	var k Keys
	var errs [5]error
	k.Access.Signing, errs[0] = f.signingKey(f.AccessPrivate, "access.pem")
	k.Refresh.Signing, errs[1] = f.signingKey(f.RefreshPrivate, "refresh.pem")
	k.Access.Verify, errs[2] = LoadVerifyKeys(f.AccessVerify)
	k.Refresh.Verify, errs[3] = LoadVerifyKeys(f.RefreshVerify)
	k.Rotation, errs[4] = f.secrets()
	access, _ := newKeyRing("access", k.Access) // what is missing is told above
	refresh, _ := newKeyRing("refresh", k.Refresh)
	return k, errors.Join(errors.Join(errs[:]...), sharedKeys(access, refresh))
}

func (f Files) signingKey(named, name string) (*ecdsa.PrivateKey, error) {
	switch {
	case named != "":
		return LoadSigningKey(named)
	case f.Dir != "":
		return LoadOrCreateSigningKey(filepath.Join(f.Dir, name))
	}
	return nil, nil
}

func (f Files) secrets() ([][]byte, error) {
	switch {
	case f.Rotation != "":
		return LoadOrCreateSecrets(f.Rotation)
	case f.Dir != "":
		return LoadOrCreateSecrets(filepath.Join(f.Dir, "rotation.keys"))
	}
	return nil, nil
}
