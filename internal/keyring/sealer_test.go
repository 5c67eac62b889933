package keyring

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rekey/internal/auth"
)

func TestSealer_Rows(t *testing.T) {
	s := NewSealer(MasterKey{Key: strings.Repeat("a1", 32)}, t.TempDir(), false)
	text := []byte("https://example.com/#token=secret")
	sealed, err := s.Seal("mail", "1", text)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(sealed.Text, []byte("secret")) {
		t.Error("the sealed text contains the secret")
	}
	again, err := s.Seal("mail", "1", text)
	if err != nil || bytes.Equal(again.Text, sealed.Text) {
		t.Errorf("the same text is sealed alike: %v", err)
	}
	if opened, err := s.Open("mail", "1", sealed); err != nil || !bytes.Equal(opened, text) {
		t.Errorf("opened %q, %v", opened, err)
	}
	altered := auth.Sealed{Text: bytes.Clone(sealed.Text), Master: sealed.Master}
	altered.Text[len(altered.Text)-1] ^= 1
	for name, open := range map[string]func() ([]byte, error){
		"another row":     func() ([]byte, error) { return s.Open("mail", "2", sealed) },
		"another purpose": func() ([]byte, error) { return s.Open("token", "1", sealed) },
		"altered":         func() ([]byte, error) { return s.Open("mail", "1", altered) },
		"erased":          func() ([]byte, error) { return s.Open("mail", "1", auth.Sealed{}) },
	} {
		if opened, err := open(); err == nil {
			t.Errorf("%s: opened %q", name, opened)
		}
	}
}

// A replica with the previous master key beside the new one opens both; one with
// the previous key alone does not open what the new one sealed.
func TestSealer_MasterKeyChange(t *testing.T) {
	first, second := strings.Repeat("a1", 32), strings.Repeat("b2", 32)
	before := NewSealer(MasterKey{Key: first}, t.TempDir(), false)
	after := NewSealer(MasterKey{Key: second, Previous: first}, t.TempDir(), false)
	old, err := before.Seal("mail", "1", []byte("old"))
	if err != nil {
		t.Fatal(err)
	}
	if text, err := after.Open("mail", "1", old); err != nil || string(text) != "old" {
		t.Errorf("opened %q, %v", text, err)
	}
	fresh, err := after.Seal("mail", "2", []byte("new"))
	if err != nil {
		t.Fatal(err)
	}
	if current, err := after.Current(); err != nil || fresh.Master != current || fresh.Master == old.Master {
		t.Errorf("sealed with %s, current is %s, previous %s: %v", fresh.Master, current, old.Master, err)
	}
	if _, err := before.Open("mail", "2", fresh); !errors.Is(err, errOtherMaster) {
		t.Errorf("error is %v, want %v", err, errOtherMaster)
	}
}

// A command creates no master key; a server does, once.
func TestSealer_Create(t *testing.T) {
	dir := t.TempDir()
	if _, err := NewSealer(MasterKey{}, dir, false).Seal("mail", "1", nil); err == nil {
		t.Error("sealed without a master key")
	}
	if _, err := os.Stat(filepath.Join(dir, masterFile)); err == nil {
		t.Error("a command created a master key")
	}
	sealed, err := NewSealer(MasterKey{}, dir, true).Seal("mail", "1", []byte("text"))
	if err != nil {
		t.Fatal(err)
	}
	if text, err := NewSealer(MasterKey{}, dir, false).Open("mail", "1", sealed); err != nil || string(text) != "text" {
		t.Errorf("opened %q, %v", text, err)
	}
}
