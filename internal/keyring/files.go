package keyring

import (
	"errors"
	"fmt"

	"rekey/internal/auth"
	"rekey/internal/token"
)

// Files names the files that keys are read from. A purpose whose private key
// or secret is named has no ring in the database.
type Files struct {
	AccessPrivate, RefreshPrivate string // PEM; both or none
	// AccessVerify and RefreshVerify hold further public keys to verify with.
	AccessVerify, RefreshVerify []string
	Rotation                    string // a secret to a line, the current one first
}

// Check says what is wrong with the files, all at once.
func (f Files) Check() error {
	_, err := f.load()
	return err
}

// filed are the keys of files: of each purpose those that are named, the
// signing one first.
type filed struct {
	keys    map[auth.KeyPurpose][]material
	signing map[auth.KeyPurpose]bool // whether there is one
}

func (f Files) load() (filed, error) {
	all := filed{map[auth.KeyPurpose][]material{}, map[auth.KeyPurpose]bool{}}
	err := errors.Join(
		all.pair(auth.KeyAccess, f.AccessPrivate, f.AccessVerify),
		all.pair(auth.KeyRefresh, f.RefreshPrivate, f.RefreshVerify),
		all.secrets(f.Rotation),
	)
	return all, errors.Join(err, all.shared())
}

func (all filed) pair(purpose auth.KeyPurpose, private string, verify []string) error {
	var errs [2]error
	if private != "" {
		key, err := token.LoadSigningKey(private)
		if err == nil {
			all.add(purpose, ofPrivate(key))
			all.signing[purpose] = true
		}
		errs[0] = err
	}
	others, err := token.LoadVerifyKeys(verify)
	for _, key := range others {
		all.add(purpose, material{public: key})
	}
	errs[1] = err
	return errors.Join(errs[:]...)
}

func (all filed) secrets(path string) error {
	if path == "" {
		return nil
	}
	secrets, err := loadSecrets(path)
	if err != nil {
		return fmt.Errorf("rotation keys: %w", err)
	}
	for _, secret := range secrets {
		all.add(auth.KeyRotation, material{secret: secret})
	}
	all.signing[auth.KeyRotation] = true
	return nil
}

// add marks the key as foreign: nobody knows where else a file is.
func (all filed) add(purpose auth.KeyPurpose, m material) {
	m.foreign = true
	all.keys[purpose] = append(all.keys[purpose], m)
}

// shared names every key that is both an access and a refresh key.
func (all filed) shared() error {
	var problems []error
	for _, a := range all.keys[auth.KeyAccess] {
		for _, r := range all.keys[auth.KeyRefresh] {
			if a.kid() == r.kid() {
				problems = append(problems, fmt.Errorf("an access and a refresh key are the same (kid %s)", a.kid()))
			}
		}
	}
	return errors.Join(problems...)
}

// list shows the keys of a purpose to operators.
func (all filed) list(purpose auth.KeyPurpose) []Key {
	var list []Key
	for i, m := range all.keys[purpose] {
		state := Retired
		if i == 0 && all.signing[purpose] {
			state = Current
		}
		list = append(list, Key{KID: m.kid(), Purpose: purpose, State: state, Foreign: true, File: true})
	}
	return list
}
