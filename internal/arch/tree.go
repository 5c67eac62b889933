package arch

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// GoFile is one parsed Go file of the project.
type GoFile struct {
	Path   string // relative to the root, with slashes
	Source []byte
	Syntax *ast.File
	Set    *token.FileSet
}

// GoFiles returns the Go files below root, without those that are generated.
func GoFiles(root string) ([]GoFile, error) {
	var files []GoFile
	set := token.NewFileSet()
	err := walk(root, ".go", func(path string, source []byte) error {
		syntax, err := parser.ParseFile(set, path, source, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return fmt.Errorf("parsing a Go file: %w", err)
		}
		if !ast.IsGenerated(syntax) {
			files = append(files, GoFile{Path: path, Source: source, Syntax: syntax, Set: set})
		}
		return nil
	})
	return files, err
}

// Documents returns the text of the files below root that end in suffix, by path.
func Documents(root, suffix string) (map[string]string, error) {
	documents := map[string]string{}
	err := walk(root, suffix, func(path string, text []byte) error {
		documents[path] = string(text)
		return nil
	})
	return documents, err
}

func walk(root, suffix string, visit func(path string, text []byte) error) error {
	return filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if entry.Name() == "node_modules" || entry.Name() == ".git" {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, suffix) {
			return nil
		}
		path, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		return visit(filepath.ToSlash(path), text)
	})
}

// support matches the files that test or measure the product.
var support = regexp.MustCompile(`_test\.go$|^(bench|e2e|internal/(fault|throwaway|test|untold|cputime|arch))/|^internal/[^/]+/[a-z]+test/`)

// Production reports whether the file belongs to the product: it is not a
// test, a benchmark or support for tests.
func (f GoFile) Production() bool { return !support.MatchString(f.Path) }

// Lines returns the number of lines of the file.
func (f GoFile) Lines() int { return bytes.Count(f.Source, []byte("\n")) }

// CodeLines returns the number of lines that are neither blank nor comments.
func (f GoFile) CodeLines() int {
	lines, inComment := 0, false
	for line := range strings.Lines(string(f.Source)) {
		line = strings.TrimSpace(line)
		switch {
		case inComment:
			inComment = !strings.Contains(line, "*/")
		case strings.HasPrefix(line, "/*"):
			inComment = !strings.Contains(line, "*/")
		case line != "" && !strings.HasPrefix(line, "//"):
			lines++
		}
	}
	return lines
}

// Function is a function or method of a file.
type Function struct {
	Name  string
	Line  int // where it begins
	Lines int // from its first line to its closing brace
}

// Functions returns the functions and methods that the file declares.
func (f GoFile) Functions() []Function {
	var functions []Function
	for _, declaration := range f.Syntax.Decls {
		if function, ok := declaration.(*ast.FuncDecl); ok {
			first, last := f.Set.Position(function.Pos()).Line, f.Set.Position(function.End()).Line
			functions = append(functions, Function{Name: function.Name.Name, Line: first, Lines: last - first})
		}
	}
	return functions
}
