package config

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReadEnvFile(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if read, vars, err := ReadEnvFile(""); read != "" || vars != nil || err != nil {
		t.Errorf("none: %q, %v, %v", read, vars, err)
	}
	if _, _, err := ReadEnvFile("missing"); err == nil || !strings.Contains(err.Error(), "missing cannot be read: no such file") {
		t.Errorf("named and not there: %v", err)
	}
	write := func(content string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, DefaultEnvFile), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("# a comment\nPORT=1 # and another\n\nexport DATABASE_URL='postgres://u:pa$$w#rd@db/x'\r\nISSUER=\"https://a\"\nEMPTY=\n")
	read, vars, err := ReadEnvFile("")
	want := map[string]string{"PORT": "1", "DATABASE_URL": "postgres://u:pa$$w#rd@db/x", "ISSUER": "https://a", "EMPTY": ""}
	if read != ".env" || !maps.Equal(vars, want) || err != nil {
		t.Errorf("%q, %v, %v", read, vars, err)
	}
	for content, line := range map[string]string{
		"PORT=1\nhunter2 canary\nHOST=a\n":        "line 2",
		"PORT=1\nHOST=a\nX='hunter2 canary\n":     "line 3",
		"PORT=\"a\nb\"\nHOST=a\nhunter2+canary\n": "line 4",
	} {
		write(content)
		if _, _, err := ReadEnvFile(""); err == nil || !strings.Contains(err.Error(), line) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%q: %v, want %s", content, err, line)
		}
	}
}
