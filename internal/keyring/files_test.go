package keyring

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestLoadSecrets_byteOrderMark: a file of keys may begin with the byte order mark
// of UTF-8. Another encoding is named.
func TestLoadSecrets_byteOrderMark(t *testing.T) {
	key := strings.Repeat("0a", secretLen)
	for content, want := range map[string]string{"\ufeff" + key + "\r\n": "", "\xff\xfe0\x00": "UTF-16", "\xff\xfe\x00\x000": "UTF-32"} {
		path := filepath.Join(t.TempDir(), "master.key")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		secrets, err := loadSecrets(path)
		if want == "" && (err != nil || len(secrets) != 1) || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %d keys, %v, want an error with %q", content, len(secrets), err, want)
		}
	}
}
