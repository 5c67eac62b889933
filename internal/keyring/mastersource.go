package keyring

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"unicode"
)

// MasterKey says where the master key comes from. Without Key and File it is
// kept in a file of the data directory, and made there for a ring that is new.
type MasterKey struct {
	Key      string // 64 hex characters
	Previous string // those of before, by comma or line: they open, and seal nothing
	File     string // one to a line, the current one first
}

const masterFile = "master.key"

// Check says what is wrong with what is named, without looking into the data
// directory.
func (m MasterKey) Check() error {
	_, err := m.named()
	return err
}

// named returns the keys that are named, in their order.
func (m MasterKey) named() (keys [][]byte, err error) {
	var errs [3]error
	if m.Key != "" {
		keys, errs[0] = appendHex(keys, "MASTER_KEY", m.Key)
	}
	if m.File != "" {
		var lines [][]byte
		if lines, errs[1] = loadSecrets(m.File); errs[1] != nil {
			errs[1] = fmt.Errorf("MASTER_KEY_FILE: %w", errs[1])
		}
		keys = append(keys, lines...)
	}
	for _, text := range m.previous() {
		var err error
		keys, err = appendHex(keys, "MASTER_KEY_PREVIOUS", text)
		errs[2] = errors.Join(errs[2], err)
	}
	return keys, errors.Join(errs[:]...)
}

// previous takes what is in a master.key, too, comments and all.
func (m MasterKey) previous() (keys []string) {
	for line := range strings.Lines(m.Previous) {
		line, _, _ = strings.Cut(line, "#")
		keys = append(keys, strings.FieldsFunc(line, func(r rune) bool { return r == ',' || unicode.IsSpace(r) })...)
	}
	return keys
}

func appendHex(keys [][]byte, name, text string) ([][]byte, error) {
	key, err := hex.DecodeString(strings.TrimSpace(text))
	if err != nil || len(key) != secretLen {
		return keys, fmt.Errorf("%s: must be %d hex characters, as openssl rand -hex %d makes them", name, 2*secretLen, secretLen)
	}
	return append(keys, key), nil
}

// load returns the master keys, the first of which seals. Where none is named
// it is the one of the data directory, which is made there if create says so,
// before those that are only named as previous. One that is named is the only
// one: were the directory's a previous one by itself, a mistaken MASTER_KEY would
// begin to seal keys.
func (m MasterKey) load(dir string, create bool) (masters, error) {
	named, err := m.named()
	if err != nil {
		return nil, err
	}
	if m.Key != "" || m.File != "" {
		return newMasters(named)
	}
	kept, err := readMasterFile(filepath.Join(dir, masterFile), create)
	if err != nil {
		return nil, Misconfigured{fmt.Errorf("master key: %w", err)}
	}
	return newMasters(append(kept, named...))
}

// keeps is whether a master key is one of the data directory.
func keeps(dir, id string) bool {
	kept, err := readMasterFile(filepath.Join(dir, masterFile), false)
	if err != nil {
		return false // it is only asked for a hint
	}
	list, err := newMasters(kept)
	return err == nil && list.find(id) != nil
}

// readMasterFile returns no keys when there is no file and none is to be made.
func readMasterFile(path string, create bool) ([][]byte, error) {
	data, err := readPrivate(path)
	if errors.Is(err, fs.ErrNotExist) {
		if !create {
			return nil, nil
		}
		if err := createPrivate(path, newMasterFile()); err != nil {
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

func newMasterFile() []byte {
	return fmt.Appendf(nil, "# The keys in the database are encrypted with this one. Back it up: without it\n"+
		"# they are lost, and everybody has to sign in again.\n%x\n", newSecret())
}
