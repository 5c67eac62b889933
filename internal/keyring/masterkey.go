package keyring

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"unicode"

	"rekey/internal/auth"
)

// MasterKey configures the master key. Without Key and File it is read from a
// file in the data directory, which is created for an empty ring.
type MasterKey struct {
	Key      string // 64 hex characters
	Previous string // keys that only decrypt, separated by commas or white space
	File     string // one key a line, the current one first
}

// Check returns all problems with the configured keys. It does not read the data
// directory.
func (m MasterKey) Check() error {
	_, err := m.configured()
	return err
}

// configured returns the configured keys, the current one first.
func (m MasterKey) configured() (keys [][]byte, err error) {
	var problems []error
	add := func(name, text string) {
		key, err := hex.DecodeString(strings.TrimSpace(text))
		if err != nil || len(key) != secretLen {
			problems = append(problems, fmt.Errorf("%s: must be %d hex characters; openssl rand -hex %d creates them", name, 2*secretLen, secretLen))
			return
		}
		keys = append(keys, key)
	}
	if m.Key != "" {
		add("MASTER_KEY", m.Key)
	}
	if m.File != "" {
		lines, err := loadSecrets(m.File)
		if err != nil {
			problems = append(problems, fmt.Errorf("MASTER_KEY_FILE: %w", err))
		}
		keys = append(keys, lines...)
	}
	for line := range strings.Lines(m.Previous) { // may be the content of master.key, with its comments
		line, _, _ = strings.Cut(line, "#")
		for _, text := range strings.FieldsFunc(line, func(r rune) bool { return r == ',' || unicode.IsSpace(r) }) {
			add("MASTER_KEY_PREVIOUS", text)
		}
	}
	return keys, errors.Join(problems...)
}

const masterFile = "master.key"

// load returns the master keys, the first of which encrypts. If Key and File are
// empty, this is the key of the data directory, which is created there if create
// is true. Otherwise the key of the data directory is not used, not even to
// decrypt: a mistaken MASTER_KEY must not encrypt keys of an existing ring.
func (m MasterKey) load(dir string, create bool) (masters, error) {
	configured, err := m.configured()
	if err != nil {
		return nil, err
	}
	if m.Key != "" || m.File != "" {
		return newMasters(configured)
	}
	stored, err := readMasterFile(filepath.Join(dir, masterFile), create)
	if err != nil {
		return nil, Misconfigured{fmt.Errorf("master key: %w", err)}
	}
	return newMasters(append(stored, configured...))
}

// inMasterFile reports whether the data directory has the master key with this
// id. It only serves a hint, so it returns false if the file cannot be read.
func inMasterFile(dir, id string) bool {
	stored, err := readMasterFile(filepath.Join(dir, masterFile), false)
	if err != nil {
		return false
	}
	list, err := newMasters(stored)
	return err == nil && list.find(id) != nil
}

// readMasterFile returns no keys if there is no file and create is false.
func readMasterFile(path string, create bool) ([][]byte, error) {
	data, err := readPrivate(path)
	if errors.Is(err, fs.ErrNotExist) {
		if !create {
			return nil, nil
		}
		content := fmt.Appendf(nil, "# The keys in the database are encrypted with this key. Back it up: without it\n"+
			"# they are lost, and all users have to sign in again.\n%x\n", newSecret())
		if err := createPrivate(path, content); err != nil {
			return nil, fmt.Errorf("creating %s: %w", path, err)
		}
		data, err = readPrivate(path)
	}
	if err != nil {
		return nil, err
	}
	keys, err := parseSecrets(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return keys, nil
}

// master encrypts the keys of the ring with AES-256-GCM.
type master struct {
	id   string // identifies the master key and reveals nothing about it
	aead cipher.AEAD
}

const masterIDLen = 8 // bytes

func newMaster(key []byte) (master, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return master{}, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return master{}, err
	}
	id, err := hkdf.Key(sha256.New, key, nil, "rekey master key id", masterIDLen)
	return master{id: hex.EncodeToString(id), aead: aead}, err
}

// masters are the master keys of a process. The first one encrypts, all decrypt.
type masters []master

func newMasters(keys [][]byte) (masters, error) {
	var list masters
	for _, key := range keys {
		m, err := newMaster(key)
		if err != nil {
			return nil, fmt.Errorf("master key: %w", err)
		}
		if list.find(m.id) == nil {
			list = append(list, m)
		}
	}
	return list, nil
}

func (list masters) find(id string) *master {
	for i := range list {
		if list[i].id == id {
			return &list[i]
		}
	}
	return nil
}

// bound returns what is authenticated with a key: its purpose and its id. A key
// that is encrypted for one row can therefore not be moved to another.
func bound(purpose auth.KeyPurpose, kid string) []byte {
	return []byte("rekey key 1\x00" + string(purpose) + "\x00" + kid)
}

// seal encrypts a key and returns its row.
func (list masters) seal(purpose auth.KeyPurpose, m keyMaterial) (auth.SealedKey, error) {
	plain, err := m.marshal()
	if err != nil {
		return auth.SealedKey{}, fmt.Errorf("encrypting a key: %w", err)
	}
	kid := m.kid()
	sealed := list[0].aead.Seal(nil, nil, plain, bound(purpose, kid))
	return auth.SealedKey{KID: kid, Purpose: purpose, Sealed: sealed, Master: list[0].id}, nil
}

// errOtherMaster is returned for a key that none of the master keys decrypts.
var errOtherMaster = errors.New("encrypted with another master key")

// open is the reverse of seal.
func (list masters) open(k auth.SealedKey) (keyMaterial, error) {
	by := list.find(k.Master)
	if by == nil {
		return keyMaterial{}, errOtherMaster
	}
	plain, err := by.aead.Open(nil, nil, k.Sealed, bound(k.Purpose, k.KID))
	if err != nil {
		return keyMaterial{}, fmt.Errorf("%s key %s was altered, or moved from another row: %w", k.Purpose, k.KID, err)
	}
	m, err := unmarshal(plain)
	if err == nil && m.kid() != k.KID {
		err = errors.New("its id is that of another key")
	}
	if err != nil {
		return keyMaterial{}, fmt.Errorf("%s key %s: %w", k.Purpose, k.KID, err)
	}
	return m, nil
}
