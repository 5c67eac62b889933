package keyring

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"rekey/internal/auth"
)

// master is a master key: it encrypts the keys of the ring by AES-256-GCM.
type master struct {
	id   string // tells master keys apart, and nothing about them
	aead cipher.AEAD
}

const masterIDLen = 8 // bytes

func newMaster(key []byte) (master, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return master{}, fmt.Errorf("master key: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return master{}, fmt.Errorf("master key: %w", err)
	}
	id, err := hkdf.Key(sha256.New, key, nil, "rekey master key id", masterIDLen)
	if err != nil {
		return master{}, fmt.Errorf("master key: %w", err)
	}
	return master{id: hex.EncodeToString(id), aead: aead}, nil
}

// seal encrypts what is secret of a key. Its purpose and its id are bound:
// what was sealed for one key cannot be passed off as another's.
func (m master) seal(purpose auth.KeyPurpose, kid string, plain []byte) []byte {
	return m.aead.Seal(nil, nil, plain, bound(purpose, kid))
}

// open is the reverse of seal.
func (m master) open(k auth.SealedKey) ([]byte, error) {
	return m.aead.Open(nil, nil, k.Sealed, bound(k.Purpose, k.KID))
}

func bound(purpose auth.KeyPurpose, kid string) []byte {
	return []byte("rekey key 1\x00" + string(purpose) + "\x00" + kid)
}

// masters are the master keys of a process: the first seals, all open.
type masters []master

func newMasters(keys [][]byte) (masters, error) {
	var list masters
	for _, key := range keys {
		m, err := newMaster(key)
		if err != nil {
			return nil, err
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
