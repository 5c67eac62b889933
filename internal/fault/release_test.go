//go:build !faults

package fault

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// traces are words that the machinery cannot do without.
func traces() []string {
	return []string{
		"FAULT_ADDR", "FAULT_MAILS", "BAD_BUILD",
		"before-note", "before-swap", "after-commit", "before-first-byte", "mid-body", "before-mail", "after-mail",
		"select-then-update", "blacklist-by-token", "note-after-commit", "no-marker",
		"window-extends", "fork-on-retry", "401-on-database-error",
	}
}

// TestRelease_HasNoFaults: the program as it is released can be made to fail
// by nobody. A build with the tag shows that the test would find it out.
func TestRelease_HasNoFaults(t *testing.T) {
	release, tagged := compile(t), compile(t, "-tags", "faults")
	if symbols := release.symbols; len(symbols) > 0 {
		t.Errorf("the release has symbols of the fault machinery: %q", symbols)
	}
	if len(tagged.symbols) < 10 {
		t.Errorf("the build with the tag has only the symbols %q", tagged.symbols)
	}
	for _, word := range traces() {
		if bytes.Contains(release.content, []byte(word)) {
			t.Errorf("the release has %q", word)
		}
		if !bytes.Contains(tagged.content, []byte(word)) {
			t.Errorf("the build with the tag lacks %q", word)
		}
	}
}

type binary struct {
	content []byte
	symbols []string // of this package
}

// compile builds the program.
func compile(t *testing.T, flags ...string) binary {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rekey")
	run(t, "go", append(append([]string{"build"}, flags...), "-o", path, "rekey")...)
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	all := run(t, "go", "tool", "nm", path)
	if !strings.Contains(all, "rekey/internal/auth.") {
		t.Fatal("no symbols at all: the binary is stripped, the test proves nothing")
	}
	return binary{content: content, symbols: regexp.MustCompile(`\S*rekey/internal/fault\S*`).FindAllString(all, -1)}
}

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, &errs)
	}
	return string(out)
}
