package keyring_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"rekey/internal/auth"
	"rekey/internal/keyring"
	"rekey/internal/token"
)

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func write(t *testing.T, path string, data []byte) string {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func privatePEM(t *testing.T, key *ecdsa.PrivateKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// legacyToken signs as the legacy service did, or as another service with its own
// key ids.
func (w *world) legacyToken(key *ecdsa.PrivateKey, kid string) string {
	w.t.Helper()
	now := w.clock().Unix()
	tok := jwt.NewWithClaims(jwt.SigningMethodES256, jwt.MapClaims{"exp": now + 900, "iat": now, "nbf": now - 1})
	if kid != "" {
		tok.Header["kid"] = kid
	}
	signed, err := tok.SignedString(key)
	if err != nil {
		w.t.Fatal(err)
	}
	return signed
}

func TestRing_Import(t *testing.T) {
	w := newWorld(t)
	legacy := newKey(t)
	file := write(t, filepath.Join(t.TempDir(), "legacy.pem"), privatePEM(t, legacy))
	ids := map[string]string{"WithoutID": w.legacyToken(legacy, ""), "AnotherID": w.legacyToken(legacy, "2021-a")}
	check := func(t *testing.T, r *replica, want bool) {
		t.Helper()
		for name, tok := range ids {
			if r.verifies(tok) != want {
				t.Errorf("%s: verifies is not %v", name, want)
			}
		}
	}
	t.Run("AsCurrent", func(t *testing.T) {
		w := newWorld(t)
		kids, err := newRing(t, w.options(w.dir)).Import(t.Context(), keyring.Import{Purpose: auth.KeyAccess, File: file})
		if err != nil {
			t.Fatal(err)
		}
		r := w.start(w.options(w.dir))
		check(t, r, true)
		if k := r.one(auth.KeyAccess, keyring.Current); k.KID != kids[0] || !k.Foreign {
			t.Errorf("current: %+v", k)
		}
	})
	r, admin := w.start(w.options(w.dir)), newRing(t, w.options(w.dir))
	check(t, r, false)
	t.Run("VerifyOnly", func(t *testing.T) {
		in := keyring.Import{Purpose: auth.KeyAccess, File: file, VerifyOnly: true, For: 10 * time.Minute}
		if _, err := admin.Import(t.Context(), in); err != nil {
			t.Fatal(err)
		}
		r.poll()
		check(t, r, true)
		if r.one(auth.KeyAccess, keyring.Current).Foreign {
			t.Error("it signs")
		}
		if _, err := admin.Import(t.Context(), in); err == nil || !strings.Contains(err.Error(), "in the ring already") {
			t.Errorf("twice: %v", err)
		}
		in.Purpose = auth.KeyRefresh
		if _, err := admin.Import(t.Context(), in); err == nil {
			t.Error("one key for both uses")
		}
		w.advance(10 * time.Minute)
		r.poll()
		check(t, r, false)
	})
	t.Run("AsNext", func(t *testing.T) {
		key := newKey(t)
		file := write(t, filepath.Join(t.TempDir(), "next.pem"), privatePEM(t, key))
		if _, err := admin.Import(t.Context(), keyring.Import{Purpose: auth.KeyAccess, File: file}); err != nil {
			t.Fatal(err)
		}
		r.poll()
		if k := r.one(auth.KeyAccess, keyring.Next); k.KID != token.Thumbprint(&key.PublicKey) {
			t.Errorf("next: %+v", k)
		}
	})
	t.Run("Secrets", func(t *testing.T) {
		file := write(t, filepath.Join(t.TempDir(), "rotation.keys"), []byte(hexKey("e")+"\n"+hexKey("f")))
		in := keyring.Import{Purpose: auth.KeyRotation, File: file}
		if _, err := admin.Import(t.Context(), in); err == nil || !strings.Contains(err.Error(), "--verify-only") {
			t.Errorf("several next ones: %v", err)
		}
		in.VerifyOnly = true
		if _, err := admin.Import(t.Context(), in); err != nil {
			t.Fatal(err)
		}
		r.poll()
		if got := r.RotationKeys(); len(got) != 3 || bytes.Equal(got[0], bytes.Repeat([]byte{0xee}, 32)) {
			t.Errorf("%d secrets", len(got))
		}
	})
}

// If all keys are in files, neither a master key nor the database is needed.
func TestRing_Files(t *testing.T) {
	w := newWorld(t)
	dir := t.TempDir()
	access, old := newKey(t), newKey(t)
	public, err := token.PublicPEM(&old.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	o := w.options(t.TempDir())
	o.Files = keyring.Files{
		AccessPrivate:  write(t, filepath.Join(dir, "a.pem"), privatePEM(t, access)),
		RefreshPrivate: write(t, filepath.Join(dir, "r.pem"), privatePEM(t, newKey(t))),
		AccessVerify:   []string{write(t, filepath.Join(dir, "v.pem"), public)},
		Rotation:       write(t, filepath.Join(dir, "k"), []byte(hexKey("a"))),
	}
	r := w.start(o)
	for name, tok := range map[string]string{
		"Own": r.mint(), "OldWithoutID": w.legacyToken(old, ""), "OldWithAnotherID": w.legacyToken(old, "x"),
	} {
		if !r.verifies(tok) {
			t.Errorf("%s does not verify", name)
		}
	}
	if jwks, _ := r.Published(); !bytes.Contains(jwks, []byte(token.Thumbprint(&old.PublicKey))) {
		t.Error("a key that verifies is not published")
	}
	if entries, _ := os.ReadDir(o.Dir); len(entries) > 0 {
		t.Errorf("files were created: %v", entries)
	}
	if _, err := newRing(t, o).Rotate(t.Context(), auth.KeyAccess); err == nil || !strings.Contains(err.Error(), "read from files") {
		t.Errorf("rotate: %v", err)
	}
	o.Files.RefreshPrivate = o.Files.AccessPrivate
	if err := o.Files.Check(); err == nil || !strings.Contains(err.Error(), "are the same") {
		t.Errorf("one key for both uses: %v", err)
	}
}

func TestFiles_Check(t *testing.T) {
	path := func(text string) string { return write(t, filepath.Join(t.TempDir(), "k"), []byte(text)) }
	check := func(text string) error { return keyring.Files{Rotation: path(text)}.Check() }
	if err := check("# ring\r\n\n  " + hexKey("a") + " # current\r\n" + hexKey("F")); err != nil {
		t.Error(err)
	}
	err := check(hexKey("a") + "\n" + hexKey("b")[:62] + "\nxyz\n")
	for _, want := range []string{"line 2 ", "line 3 "} {
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "xyz") || strings.Contains(err.Error(), "bbb") {
			t.Errorf("error lacks %q, or contains a secret: %v", want, err)
		}
	}
	if err := check("# nothing\n"); err == nil || !strings.Contains(err.Error(), "no key") {
		t.Errorf("an empty file: %v", err)
	}
	err = keyring.Files{AccessPrivate: "/none/a", RefreshPrivate: "/none/r", Rotation: "/none/k"}.Check()
	if err == nil || strings.Count(err.Error(), fs.ErrNotExist.Error()) == 1 {
		t.Errorf("not all problems: %v", err)
	}
}

func TestMasterKey_Check(t *testing.T) {
	for name, test := range map[string]struct {
		key  keyring.MasterKey
		want string
	}{
		"None":     {keyring.MasterKey{}, ""},
		"Valid":    {keyring.MasterKey{Key: hexKey("a"), Previous: hexKey("b") + ", " + hexKey("c")}, ""},
		"Short":    {keyring.MasterKey{Key: hexKey("a")[:62]}, "MASTER_KEY: must be 64 hex"},
		"Previous": {keyring.MasterKey{Previous: hexKey("a") + ",secret"}, "MASTER_KEY_PREVIOUS: must be"},
		"File":     {keyring.MasterKey{File: "/none/k"}, "MASTER_KEY_FILE: open /none/k"},
	} {
		t.Run(name, func(t *testing.T) {
			err := test.key.Check()
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("error %v, want %q", err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("the error contains a key: %v", err)
			}
		})
	}
}
