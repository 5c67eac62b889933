package config

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestReadEnvFile(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if read, vars, err := ReadEnvFile("", env(nil)); read != "" || vars != nil || err != nil {
		t.Errorf("none: %q, %v, %v", read, vars, err)
	}
	if _, _, err := ReadEnvFile("missing", env(nil)); err == nil || !strings.Contains(err.Error(), "missing cannot be read: no such file") {
		t.Errorf("named and not there: %v", err)
	}
	write := func(content string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, DefaultEnvFile), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("# a comment\nPORT=1 # and another\n\nexport DATABASE_URL='postgres://u:pa$$w#rd@db/x'\r\nISSUER=\"https://a\"\nEMPTY=\n")
	read, vars, err := ReadEnvFile("", env(nil))
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
		if _, _, err := ReadEnvFile("", env(nil)); err == nil || !strings.Contains(err.Error(), line) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%q: %v, want %s", content, err, line)
		}
	}
}

// A reference to nothing would turn a setting off without a word.
func TestParseEnv_unresolved(t *testing.T) {
	for _, value := range []string{"$MISSING", "x${MISSING}y", `"$MISSING"`, "$LATER", "${missing}", "${MISSING:-x}", "${", "${}", "$EMPTY", "$1", "pa$5word"} {
		vars, err := parseEnv("EMPTY=\nA="+value+"\nLATER=1", env(nil))
		if err == nil || !strings.Contains(err.Error(), "line 2 refers") || strings.Contains(err.Error(), "MISSING") {
			t.Errorf("%s: %q, %v", value, vars, err)
		}
	}
	for _, value := range []string{"'$MISSING'", `\$MISSING`, "$", "a$", "pa$$word", "# $MISSING"} {
		if _, err := parseEnv("A="+value, env(nil)); err != nil {
			t.Errorf("%s: %v", value, err)
		}
	}
}

// A file that another user can have written is not read.
func TestReadEnvFile_foreign(t *testing.T) {
	path := filepath.Join(t.TempDir(), "env")
	if err := os.WriteFile(path, []byte("\ufeffPORT=1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, vars, err := ReadEnvFile(path, env(nil)); err != nil || vars["PORT"] != "1" {
		t.Errorf("with a byte order mark: %v, %v", vars, err)
	}
	if runtime.GOOS == "windows" {
		t.Skip("there are no modes of files")
	}
	for mode, ok := range map[os.FileMode]bool{0o400: true, 0o644: true, 0o602: false, 0o666: false, 0o622: false} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		_, _, err := ReadEnvFile(path, env(nil))
		if (err == nil) != ok || err != nil && !strings.Contains(err.Error(), path+": is not read: other users may write to it") {
			t.Errorf("%o: %v", mode, err)
		}
	}
	if os.Geteuid() != 0 {
		return
	}
	if err := errors.Join(os.Chmod(path, 0o600), os.Chown(path, 12345, 12345)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := ReadEnvFile(path, env(nil)); err == nil || !strings.Contains(err.Error(), "belongs to another user") {
		t.Errorf("of another user: %v", err)
	}
}

func TestParseEnv(t *testing.T) {
	outside := env(map[string]string{"FROM_ENV": "outside", "from_env": "lower"})
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
		"A=$FROM_ENV/\nC=\"${from_env}\"":   {"A": "outside/", "C": "lower"},
		"FROM_ENV=x\nA=$FROM_ENV":           {"FROM_ENV": "x", "A": "outside"}, // the environment takes precedence
		`A='C:\'`:                           {"A": `C:\`},
	} {
		if vars, err := parseEnv(content, outside); err != nil || !maps.Equal(vars, want) {
			t.Errorf("%q: %q, %v, want %q", content, vars, err, want)
		}
	}
	for content, want := range map[string]int{"=1": 1, "A B=1": 1, "A": 1, "\n\nA=\"\n\n": 3, "A='b' c": 1, "1A=b": 1} {
		if vars, err := parseEnv(content, outside); err == nil || err.Error() != fmt.Sprintf("line %d is not NAME=value", want) {
			t.Errorf("%q: %q, %v, want line %d", content, vars, err, want)
		}
	}
}
