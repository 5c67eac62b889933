package arch

import (
	"fmt"
	"go/ast"
	"path"
	"sort"
	"strings"
	"sync"
	"testing"
)

const (
	maxFileLines     = 400
	maxFunctionLines = 80
)

// A finding is a place in the project that breaks a rule of style.
type finding struct {
	path    string
	line    int
	problem string
}

func (f finding) String() string { return fmt.Sprintf("%s:%d: %s", f.path, f.line, f.problem) }

// report fails for the findings of each directory that has more of them than
// it is allowed to keep.
func report(t *testing.T, findings []finding, allowed map[string]int) {
	t.Helper()
	byDirectory := map[string][]finding{}
	for _, f := range findings {
		byDirectory[path.Dir(f.path)] = append(byDirectory[path.Dir(f.path)], f)
	}
	for directory, found := range byDirectory {
		if len(found) <= allowed[directory] {
			continue
		}
		sort.Slice(found, func(i, j int) bool {
			return found[i].path < found[j].path || found[i].path == found[j].path && found[i].line < found[j].line
		})
		for _, f := range found {
			t.Error(f)
		}
		t.Errorf("%s: %d places, of which %d may remain", directory, len(found), allowed[directory])
	}
	if testing.Verbose() {
		for directory, found := range byDirectory {
			t.Logf("%q: %d,", directory, len(found))
		}
	}
}

// TestStyle_Size: files and functions are short enough to read at once.
func TestStyle_Size(t *testing.T) {
	var findings []finding
	for _, f := range goFiles(t) {
		if !f.Production() {
			continue
		}
		if n := f.Lines(); n > maxFileLines {
			findings = append(findings, finding{f.Path, 1, fmt.Sprintf("the file has %d lines: divide it by idea, at most %d", n, maxFileLines)})
		}
		for _, function := range f.Functions() {
			if function.Lines > maxFunctionLines {
				findings = append(findings, finding{f.Path, function.Line, fmt.Sprintf("%s has %d lines: at most %d", function.Name, function.Lines, maxFunctionLines)})
			}
		}
	}
	report(t, findings, nil)
}

// TestStyle_Exports: every exported name has a comment that begins with it.
func TestStyle_Exports(t *testing.T) {
	var findings []finding
	for _, f := range goFiles(t) {
		if strings.HasSuffix(f.Path, "_test.go") || f.Syntax.Name.Name == "main" {
			continue
		}
		for _, d := range declarations(f) {
			if ast.IsExported(d.name) && strings.TrimSpace(d.doc) == "" {
				findings = append(findings, finding{f.Path, d.line, d.name + " is exported and has no comment: begin it with the name and a verb"})
			}
		}
	}
	report(t, findings, nil)
}

// parsed parses the project once for all tests.
var parsed = sync.OnceValues(func() ([]GoFile, error) { return GoFiles(root) })

func goFiles(t *testing.T) []GoFile {
	t.Helper()
	files, err := parsed()
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func documents(t *testing.T, suffix string) map[string]string {
	t.Helper()
	found, err := Documents(root, suffix)
	if err != nil {
		t.Fatal(err)
	}
	return found
}
