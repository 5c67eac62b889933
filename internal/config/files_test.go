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

func TestParseEnv(t *testing.T) {
	for content, want := range map[string]map[string]string{
		"":                                  {},
		"A=1\nB=$A/${A}x\nC='$A'\nD=\"$A\"": {"A": "1", "B": "1/1x", "C": "$A", "D": "1"},
		`A=pa$$word`:                        {"A": "pa$$word"},
		`A=1` + "\n" + `B=\$A "\$A"`:        {"A": "1", "B": `$A "$A"`},
		`A="a \"quoted\" # b\nc" # comment`: {"A": "a \"quoted\" # b\nc"},
		"A='one\ntwo # three\n' # comment":  {"A": "one\ntwo # three\n"},
		"  export  A = b c  # comment":      {"A": "b c"},
		"A=b#c":                             {"A": "b#c"},
		"A=#c":                              {"A": ""},
		"A= # c":                            {"A": ""},
		"A=$MISSING.":                       {"A": "."},
		`A='C:\'`:                           {"A": `C:\`},
	} {
		if vars, badLine := parseEnv(content); badLine != 0 || !maps.Equal(vars, want) {
			t.Errorf("%q: %q, line %d, want %q", content, vars, badLine, want)
		}
	}
	for content, want := range map[string]int{"=1": 1, "A B=1": 1, "A": 1, "\n\nA=\"\n\n": 3, "A='b' c": 1, "1A=b": 1} {
		if vars, badLine := parseEnv(content); badLine != want {
			t.Errorf("%q: %q, line %d, want %d", content, vars, badLine, want)
		}
	}
}
