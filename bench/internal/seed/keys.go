package seed

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"rekey/internal/token"
)

// Files of a directory of keys that a server signs with.
const (
	AccessKey  = "access.pem"
	RefreshKey = "refresh.pem"
)

// Codec returns a codec that mints and verifies as a server with the keys in dir
// does. It creates missing keys.
func Codec(dir string) (*token.Codec, error) {
	access, accessErr := key(filepath.Join(dir, AccessKey))
	refresh, refreshErr := key(filepath.Join(dir, RefreshKey))
	if err := errors.Join(accessErr, refreshErr); err != nil {
		return nil, fmt.Errorf("reading the server's keys: %w", err)
	}
	return token.New(token.Options{Access: token.KeySet{Signing: access}, Refresh: token.KeySet{Signing: refresh}, Leeway: time.Minute})
}

func key(path string) (*ecdsa.PrivateKey, error) {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return token.LoadSigningKey(path)
	}
	made, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(made)
	if err != nil {
		return nil, err
	}
	return made, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600)
}
