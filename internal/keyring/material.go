package keyring

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"rekey/internal/auth"
	"rekey/internal/token"
)

// material is what a key consists of: a key pair, a public key alone, or a
// secret.
type material struct {
	private *ecdsa.PrivateKey
	public  *ecdsa.PublicKey
	secret  []byte
	foreign bool // it signed elsewhere, too
}

// generate makes the key of a purpose.
func generate(purpose auth.KeyPurpose) (material, error) {
	if purpose == auth.KeyRotation {
		return material{secret: newSecret()}, nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return material{}, fmt.Errorf("making a key: %w", err)
	}
	return ofPrivate(key), nil
}

func ofPrivate(key *ecdsa.PrivateKey) material {
	return material{private: key, public: &key.PublicKey}
}

// kid is the RFC 7638 thumbprint. That of a secret, 256 random bits, is kept
// from nobody who may see the database.
func (m material) kid() string {
	if m.secret == nil {
		return token.Thumbprint(m.public)
	}
	k := base64.RawURLEncoding.EncodeToString(m.secret)
	sum := sha256.Sum256(fmt.Appendf(nil, `{"k":%q,"kty":"oct"}`, k))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// content is the form of a material that is encrypted.
type content struct {
	PKCS8   []byte `json:"pkcs8,omitempty"`
	PKIX    []byte `json:"pkix,omitempty"`
	Secret  []byte `json:"secret,omitempty"`
	Foreign bool   `json:"foreign,omitempty"`
}

func (m material) marshal() (plain []byte, err error) {
	c := content{Secret: m.secret, Foreign: m.foreign}
	switch {
	case m.private != nil:
		c.PKCS8, err = x509.MarshalPKCS8PrivateKey(m.private)
	case m.public != nil:
		c.PKIX, err = x509.MarshalPKIXPublicKey(m.public)
	}
	if err == nil {
		plain, err = json.Marshal(c)
	}
	if err != nil {
		return nil, fmt.Errorf("writing a key: %w", err)
	}
	return plain, nil
}

func unmarshal(plain []byte) (m material, err error) {
	var c content
	if err := json.Unmarshal(plain, &c); err != nil {
		return material{}, errors.New("not a key") // the error may repeat it
	}
	m = material{secret: c.Secret, foreign: c.Foreign}
	var parsed any
	switch {
	case c.PKCS8 != nil:
		parsed, err = x509.ParsePKCS8PrivateKey(c.PKCS8)
		m.private, _ = parsed.(*ecdsa.PrivateKey)
		if m.private != nil {
			m.public = &m.private.PublicKey
		}
	case c.PKIX != nil:
		parsed, err = x509.ParsePKIXPublicKey(c.PKIX)
		m.public, _ = parsed.(*ecdsa.PublicKey)
	}
	if err != nil || m.public == nil && len(m.secret) != secretLen {
		return material{}, errors.New("not a key")
	}
	return m, nil
}

// seal makes the row of a key.
func (list masters) seal(purpose auth.KeyPurpose, m material) (auth.SealedKey, error) {
	plain, err := m.marshal()
	if err != nil {
		return auth.SealedKey{}, err
	}
	kid := m.kid()
	return auth.SealedKey{KID: kid, Purpose: purpose, Sealed: list[0].seal(purpose, kid, plain), Master: list[0].id}, nil
}

// open is the reverse of seal.
func (list masters) open(k auth.SealedKey) (material, error) {
	by := list.find(k.Master)
	if by == nil {
		return material{}, errOtherMaster
	}
	plain, err := by.open(k)
	if err != nil {
		return material{}, fmt.Errorf("%s key %s was altered, or is another's: %w", k.Purpose, k.KID, err)
	}
	m, err := unmarshal(plain)
	if err == nil && m.kid() != k.KID {
		err = errors.New("its id is that of another key")
	}
	if err != nil {
		return material{}, fmt.Errorf("%s key %s: %w", k.Purpose, k.KID, err)
	}
	return m, nil
}
