package token

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// secretLen is the length of a rotation key in bytes.
const secretLen = 32

// LoadOrCreateSigningKey reads the P-256 private key in path, or makes one
// there (PKCS#8 PEM, mode 0600). Of several processes that do so at once one
// makes the key and all return it. A file that group or others can read is
// refused.
func LoadOrCreateSigningKey(path string) (*ecdsa.PrivateKey, error) {
	key, err := loadOrCreate(path, newSigningKeyFile, parseSigningKey)
	if err != nil {
		return nil, fmt.Errorf("signing key: %w", err)
	}
	return key, nil
}

// LoadOrCreateSecrets reads the ring of rotation keys in path, or makes one of
// a single random key there (mode 0600), as LoadOrCreateSigningKey does. It is
// a text file with a key of 64 hex characters to a line, the current one
// first; # begins a comment.
func LoadOrCreateSecrets(path string) ([][]byte, error) {
	secrets, err := loadOrCreate(path, newSecretsFile, parseSecrets)
	if err != nil {
		return nil, fmt.Errorf("rotation keys: %w", err)
	}
	return secrets, nil
}

func newSigningKeyFile() ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

func newSecretsFile() ([]byte, error) {
	secret := make([]byte, secretLen)
	if _, err := rand.Read(secret); err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, "# Rotation keys, the current one first. Keep an old one below it\n"+
		"# for at least RETRY_TTL after its last use.\n%x\n", secret), nil
}

// parseSecrets names all bad lines by number, never by what is in them.
func parseSecrets(data []byte) ([][]byte, error) {
	var (
		secrets  [][]byte
		problems []error
	)
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
