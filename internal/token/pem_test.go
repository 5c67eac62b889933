package token_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rekey/internal/token"
)

func pemOf(t *testing.T, kind string, der []byte, err error) []byte {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func pkcs8(t *testing.T, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	return pemOf(t, "PRIVATE KEY", der, err)
}

func sec1(t *testing.T, key *ecdsa.PrivateKey) []byte {
	t.Helper()
	der, err := x509.MarshalECPrivateKey(key)
	return pemOf(t, "EC PRIVATE KEY", der, err)
}

func pkix(t *testing.T, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	return pemOf(t, "PUBLIC KEY", der, err)
}

func writeFile(t *testing.T, data []byte, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(path, data, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func p384(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func rsaKey(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestLoadSigningKey(t *testing.T) {
	key := newKey(t)
	parameters := pemOf(t, "EC PARAMETERS", []byte{6, 8, 42, 134, 72, 206, 61, 3, 1, 7}, nil)
	for name, test := range map[string]struct {
		data []byte
		want string // in the error; empty for success
	}{
		"PKCS8":          {pkcs8(t, key), ""},
		"SEC1":           {sec1(t, key), ""},
		"WithParameters": {append(parameters, sec1(t, key)...), ""},
		"Public":         {pkix(t, &key.PublicKey), "the private one is required"},
		"P384":           {pkcs8(t, p384(t)), "needs P-256"},
		"RSA":            {pkcs8(t, rsaKey(t)), "an ECDSA key is required"},
		"Two":            {append(pkcs8(t, key), pkcs8(t, newKey(t))...), "holds 2 PEM blocks"},
		"Encrypted":      {pemOf(t, "ENCRYPTED PRIVATE KEY", []byte{1}, nil), "encrypted"},
		"Certificate":    {pemOf(t, "CERTIFICATE", []byte{1}, nil), "private key is required"},
		"Damaged":        {pemOf(t, "PRIVATE KEY", []byte{1}, nil), "key.pem: "},
		"Empty":          {nil, "not a PEM file"},
		"ByteOrderMark":  {append([]byte("\ufeff"), pkcs8(t, key)...), ""},
		"UTF16":          {[]byte("\xff\xfe-\x00"), "UTF-16"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := token.LoadSigningKey(writeFile(t, test.data, 0o644))
			if test.want != "" {
				if err == nil || !strings.Contains(err.Error(), test.want) || got != nil {
					t.Fatalf("error %v, want one with %q", err, test.want)
				}
				return
			}
			if err != nil || !got.Equal(key) {
				t.Errorf("another key, or error %v", err)
			}
		})
	}
	t.Run("NoFile", func(t *testing.T) {
		if _, err := token.LoadSigningKey(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("error %v, want not exist", err)
		}
	})
}

func TestLoadVerifyKeys(t *testing.T) {
	a, b, c := newKey(t), newKey(t), newKey(t)
	good := writeFile(t, append(pkix(t, &a.PublicKey), pkix(t, &b.PublicKey)...), 0o644)
	t.Run("SeveralInOrder", func(t *testing.T) {
		keys, err := token.LoadVerifyKeys([]string{good, writeFile(t, pkix(t, &c.PublicKey), 0o644)})
		if err != nil || len(keys) != 3 {
			t.Fatalf("%d keys, error %v", len(keys), err)
		}
		for i, want := range publics(a, b, c) {
			if !keys[i].Equal(want) {
				t.Errorf("key %d is another one", i)
			}
		}
	})
	t.Run("AllProblemsAtOnce", func(t *testing.T) {
		damaged := bytes.Replace(pkix(t, &b.PublicKey), []byte("M"), []byte("*"), 1)
		keys, err := token.LoadVerifyKeys([]string{
			good,
			filepath.Join(t.TempDir(), "none"),
			writeFile(t, pkcs8(t, a), 0o644),
			writeFile(t, pkix(t, &p384(t).PublicKey), 0o644),
			writeFile(t, pkix(t, &rsaKey(t).PublicKey), 0o644),
			writeFile(t, append(pkix(t, &a.PublicKey), damaged...), 0o644),
			writeFile(t, pemOf(t, "CERTIFICATE", []byte{1}, nil), 0o644),
		})
		if err == nil || keys != nil {
			t.Fatalf("%d keys, error %v", len(keys), err)
		}
		for _, want := range []string{
			"none: no such file", "only its public half belongs here", "key is on P-384",
			"an ECDSA key is required", "or a damaged one", `this is PEM "CERTIFICATE"`,
		} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("error lacks %q:\n%v", want, err)
			}
		}
	})
	t.Run("None", func(t *testing.T) {
		if keys, err := token.LoadVerifyKeys(nil); err != nil || len(keys) != 0 {
			t.Errorf("%d keys, error %v", len(keys), err)
		}
	})
}
