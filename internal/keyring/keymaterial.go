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

// secretLen is the length of master keys and rotation keys in bytes.
const secretLen = 32

// newSecret returns random bytes. crypto/rand.Read never fails: it ends the
// process instead.
func newSecret() []byte {
	secret := make([]byte, secretLen)
	_, _ = rand.Read(secret)
	return secret
}

// keyMaterial is the content of a key: a key pair, a public key alone, or a
// secret.
type keyMaterial struct {
	private *ecdsa.PrivateKey
	public  *ecdsa.PublicKey
	secret  []byte
	foreign bool // it signed elsewhere, too
}

// generate creates a key for a purpose.
func generate(purpose auth.KeyPurpose) (*keyMaterial, error) {
	if purpose == auth.KeyRotation {
		return &keyMaterial{secret: newSecret()}, nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generating a key: %w", err)
	}
	return &keyMaterial{private: key, public: &key.PublicKey}, nil
}

func (m keyMaterial) canSign() bool { return m.private != nil || m.secret != nil }

// kid returns the RFC 7638 thumbprint. The thumbprint of a secret may be public,
// because the secret has 256 random bits.
func (m keyMaterial) kid() string {
	if m.secret == nil {
		return token.Thumbprint(m.public)
	}
	k := base64.RawURLEncoding.EncodeToString(m.secret)
	sum := sha256.Sum256(fmt.Appendf(nil, `{"k":%q,"kty":"oct"}`, k))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// plainKey is the form of a key that is encrypted.
type plainKey struct {
	PKCS8   []byte `json:"pkcs8,omitempty"`
	PKIX    []byte `json:"pkix,omitempty"`
	Secret  []byte `json:"secret,omitempty"`
	Foreign bool   `json:"foreign,omitempty"`
}

func (m keyMaterial) marshal() ([]byte, error) {
	p := plainKey{Secret: m.secret, Foreign: m.foreign}
	var err error
	switch {
	case m.private != nil:
		p.PKCS8, err = x509.MarshalPKCS8PrivateKey(m.private)
	case m.public != nil:
		p.PKIX, err = x509.MarshalPKIXPublicKey(m.public)
	}
	if err != nil {
		return nil, err
	}
	return json.Marshal(p)
}

var errNotKey = errors.New("not a key")

// unmarshal is the reverse of marshal. Its error never contains the plain text.
func unmarshal(plain []byte) (m keyMaterial, err error) {
	var p plainKey
	if err := json.Unmarshal(plain, &p); err != nil {
		return keyMaterial{}, errNotKey
	}
	m = keyMaterial{secret: p.Secret, foreign: p.Foreign}
	var parsed any
	switch {
	case p.PKCS8 != nil:
		parsed, err = x509.ParsePKCS8PrivateKey(p.PKCS8)
		if m.private, _ = parsed.(*ecdsa.PrivateKey); m.private != nil {
			m.public = &m.private.PublicKey
		}
	case p.PKIX != nil:
		parsed, err = x509.ParsePKIXPublicKey(p.PKIX)
		m.public, _ = parsed.(*ecdsa.PublicKey)
	}
	if err != nil || m.public == nil && len(m.secret) != secretLen {
		return keyMaterial{}, errNotKey
	}
	return m, nil
}
