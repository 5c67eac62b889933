package arch

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const root = "../.."

// TestSecurityPage: what docs/security.md names as proof is there.
func TestSecurityPage(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "docs/security.md"))
	if err != nil {
		t.Fatal(err)
	}
	tests := testFunctions(t, root)
	named := 0
	for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(string(page), -1) {
		name := m[1]
		switch {
		case strings.HasPrefix(name, "Test"):
			if !tests[name] {
				t.Errorf("there is no test %s", name)
			}
			named++
		case strings.Contains(name, "/") && filepath.Ext(name) != "":
			if _, err := os.Stat(filepath.Join(root, name)); err != nil {
				t.Error(err)
			}
			named++
		}
	}
	if named < 100 {
		t.Errorf("%d tests and files are named: the page has another form", named)
	}
}

// testFunctions are the names of all tests below root.
func testFunctions(t *testing.T, root string) map[string]bool {
	t.Helper()
	function, names := regexp.MustCompile(`(?m)^func (Test\w+)\(t `), map[string]bool{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		source, err := os.ReadFile(path)
		for _, m := range function.FindAllSubmatch(source, -1) {
			names[string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
