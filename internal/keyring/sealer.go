package keyring

import (
	"errors"
	"fmt"
	"sync"

	"rekey/internal/auth"
)

// Sealer encrypts what the database stores with the master key, which is the one
// that encrypts the keys of the ring. It is safe for concurrent use.
type Sealer struct{ load func() (masters, error) }

var _ auth.Sealer = (*Sealer)(nil)

// NewSealer returns a Sealer. It reads the master key when it is first used, after
// the ring of a server has created it. dir is the data directory. With create, a
// master key is created there if there is none, as for a server whose keys are all
// files.
func NewSealer(m MasterKey, dir string, create bool) *Sealer {
	return &Sealer{sync.OnceValues(func() (masters, error) {
		list, err := m.load(dir, create)
		if err == nil && len(list) == 0 {
			err = Misconfigured{errors.New("there is no master key here: give this process the one of the other replicas, " +
				"by MASTER_KEY or MASTER_KEY_FILE, or as master.key in DATA_DIR")}
		}
		return list, err
	})}
}

// sealedBound returns what is authenticated with a text. A text that is encrypted
// for one row can therefore not be moved to another.
func sealedBound(purpose, id string) []byte {
	return []byte("rekey sealed 1\x00" + purpose + "\x00" + id)
}

// Current implements [auth.Sealer].
func (s *Sealer) Current() (string, error) {
	list, err := s.load()
	if err != nil {
		return "", err
	}
	return list[0].id, nil
}

// Seal implements [auth.Sealer].
func (s *Sealer) Seal(purpose, id string, text []byte) (auth.Sealed, error) {
	list, err := s.load()
	if err != nil {
		return auth.Sealed{}, err
	}
	return auth.Sealed{Text: list[0].aead.Seal(nil, nil, text, sealedBound(purpose, id)), Master: list[0].id}, nil
}

// Open implements [auth.Sealer].
func (s *Sealer) Open(purpose, id string, sealed auth.Sealed) ([]byte, error) {
	list, err := s.load()
	if err != nil {
		return nil, err
	}
	by := list.find(sealed.Master)
	if by == nil {
		return nil, fmt.Errorf("%w, %s: keep it in MASTER_KEY_PREVIOUS and run rekey keys reencrypt", errOtherMaster, sealed.Master)
	}
	text, err := by.aead.Open(nil, nil, sealed.Text, sealedBound(purpose, id))
	if err != nil {
		return nil, fmt.Errorf("the row was altered, or its text was moved from another row: %w", err)
	}
	return text, nil
}
