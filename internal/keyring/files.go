package keyring

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"rekey/internal/auth"
	"rekey/internal/token"
)

// Files names the files that keys are read from. The database holds no keys for
// a purpose whose private key or secret is read from a file.
type Files struct {
	AccessPrivate, RefreshPrivate string // PEM; both or none
	// AccessVerify and RefreshVerify hold further public keys to verify with.
	AccessVerify, RefreshVerify []string
	Rotation                    string // one secret a line, the current one first
}

// Check returns all problems with the files.
func (f Files) Check() error {
	_, err := f.load()
	return err
}

// fileKeys holds the keys of files. If a purpose has a signing key, it comes
// first. All of them count as foreign, because the files may be used elsewhere.
type fileKeys map[auth.KeyPurpose][]keyMaterial

func (f Files) load() (fileKeys, error) {
	all := fileKeys{}
	var problems []error
	for _, pair := range []struct {
		purpose auth.KeyPurpose
		private string
		verify  []string
	}{{auth.KeyAccess, f.AccessPrivate, f.AccessVerify}, {auth.KeyRefresh, f.RefreshPrivate, f.RefreshVerify}} {
		if pair.private != "" {
			key, err := token.LoadSigningKey(pair.private)
			if err == nil {
				all[pair.purpose] = []keyMaterial{{private: key, public: &key.PublicKey, foreign: true}}
			}
			problems = append(problems, err)
		}
		keys, err := token.LoadVerifyKeys(pair.verify)
		for _, key := range keys {
			all[pair.purpose] = append(all[pair.purpose], keyMaterial{public: key, foreign: true})
		}
		problems = append(problems, err)
	}
	if f.Rotation != "" {
		secrets, err := loadSecrets(f.Rotation)
		if err != nil {
			problems = append(problems, fmt.Errorf("rotation keys: %w", err))
		}
		for _, secret := range secrets {
			all[auth.KeyRotation] = append(all[auth.KeyRotation], keyMaterial{secret: secret, foreign: true})
		}
	}
	for _, a := range all[auth.KeyAccess] {
		for _, r := range all[auth.KeyRefresh] {
			if a.kid() == r.kid() {
				problems = append(problems, fmt.Errorf("an access and a refresh key are the same (kid %s)", a.kid()))
			}
		}
	}
	return all, errors.Join(problems...)
}

// sign reports whether the files hold a signing key of a purpose.
func (f fileKeys) sign(p auth.KeyPurpose) bool { return len(f[p]) > 0 && f[p][0].canSign() }

// list returns the keys of a purpose for operators.
func (f fileKeys) list(p auth.KeyPurpose) []Key {
	var list []Key
	for i, m := range f[p] {
		state := Retired
		if i == 0 && m.canSign() {
			state = Current
		}
		list = append(list, Key{KID: m.kid(), Purpose: p, State: state, Foreign: true, File: true})
	}
	return list
}

// loadSecrets reads a text file with one key of 64 hex characters a line, the
// current one first. A comment begins with #. Any file mode is accepted.
func loadSecrets(path string) ([][]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	secrets, err := parseSecrets(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return secrets, nil
}

// parseSecrets returns an error that names all bad lines by number, and never
// contains their text.
func parseSecrets(data []byte) ([][]byte, error) {
	var (
		secrets  [][]byte
		problems []error
	)
	data, err := auth.TrimByteOrderMark(data)
	if err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(bytes.NewReader(data))
	for n := 1; lines.Scan(); n++ {
		text, _, _ := strings.Cut(lines.Text(), "#")
		text = strings.TrimSpace(text)
		if text == "" {
			continue
		}
		secret, err := hex.DecodeString(text)
		if err != nil || len(secret) != secretLen {
			problems = append(problems, fmt.Errorf("line %d is not a key of %d hex characters", n, 2*secretLen))
		}
		secrets = append(secrets, secret)
	}
	problems = append(problems, lines.Err())
	if len(secrets) == 0 {
		problems = append(problems, errors.New("there is no key"))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return secrets, nil
}

// readPrivate reads a file. It fails if anyone but the owner can read it.
func readPrivate(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	// Windows has no such mode bits.
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s is open to others (mode %04o): chmod 600 %s", path, info.Mode().Perm(), path)
	}
	return io.ReadAll(f)
}

// createPrivate creates a file with mode 0600 that exists completely or not at
// all, even after a power cut. It leaves an existing file as it is: os.Link
// fails where os.Rename would replace the key that another process created.
func createPrivate(path string, data []byte) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+"-*") // mode 0600
	if err != nil {
		return err
	}
	_, writeErr := f.Write(data)
	if err := errors.Join(writeErr, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	linkErr := os.Link(f.Name(), path)
	if errors.Is(linkErr, fs.ErrExist) {
		linkErr = nil
	}
	return errors.Join(linkErr, os.Remove(f.Name()), syncDir(dir))
}

// syncDir makes a new name in dir survive a power cut.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" { // directories cannot be synced there
		return nil
	}
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
