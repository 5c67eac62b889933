// Command figures measures the size of code bases, as docs/architecture.md
// reports it. It writes the rows of a table, with a column for each directory:
//
//	go run ./internal/arch/figures [directory...]
//
// Production code is all Go code that is not generated, a test, a benchmark or
// support for tests.
package main

import (
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"rekey/internal/arch"
)

// A helper is short if it has at most this many lines.
const shortFunction = 15

func main() {
	roots := os.Args[1:]
	if len(roots) == 0 {
		roots = []string{"."}
	}
	if err := run(os.Stdout, roots); err != nil {
		fmt.Fprintln(os.Stderr, "figures:", err)
		os.Exit(1)
	}
}

// run writes the figures of the code bases at roots.
func run(out io.Writer, roots []string) error {
	var table [][]string
	for _, root := range roots {
		rows, err := measure(root)
		if err != nil {
			return fmt.Errorf("measuring %s: %w", root, err)
		}
		for i, row := range rows {
			if len(table) == i {
				table = append(table, []string{row.name})
			}
			table[i] = append(table[i], row.value)
		}
	}
	for _, row := range table {
		if _, err := fmt.Fprintf(out, "| %s |\n", strings.Join(row, " | ")); err != nil {
			return err
		}
	}
	return nil
}

type figure struct{ name, value string }

// measure returns the figures of the code base at root.
func measure(root string) ([]figure, error) {
	files, err := arch.GoFiles(root)
	if err != nil {
		return nil, err
	}
	product, all, err := dependencies(root, files)
	if err != nil {
		return nil, err
	}
	words, err := documentWords(root)
	if err != nil {
		return nil, err
	}
	var count, lines, code, under50, top int
	packages := map[string]bool{}
	var longestFile, longestFunction string
	var fileLines, functionLines int
	for _, f := range files {
		if path.Dir(f.Path) == "." {
			top++
		}
		if !f.Production() {
			continue
		}
		count++
		lines += f.Lines()
		code += f.CodeLines()
		packages[path.Dir(f.Path)] = true
		if f.Lines() < 50 {
			under50++
		}
		if f.Lines() > fileLines {
			fileLines, longestFile = f.Lines(), f.Path
		}
		for _, function := range f.Functions() {
			if function.Lines > functionLines {
				functionLines, longestFunction = function.Lines, f.Path
			}
		}
	}
	single, functions := singleCallers(files)
	return []figure{
		{"Go files of production code", fmt.Sprint(count)},
		{"their lines", fmt.Sprint(lines)},
		{"**their lines without comments and blanks**", fmt.Sprint(code)},
		{"files under 50 lines", fmt.Sprint(under50)},
		{"Go files at the top level, tests included", fmt.Sprint(top)},
		{"packages", fmt.Sprint(len(packages))},
		{"unexported functions of at most 15 lines with one caller", fmt.Sprintf("%d of %d (%.1f %%)", single, functions, 100*float64(single)/float64(max(functions, 1)))},
		{"longest file, lines", fmt.Sprintf("%d (`%s`)", fileLines, longestFile)},
		{"longest function, lines", fmt.Sprintf("%d (`%s`)", functionLines, longestFunction)},
		{"direct dependencies of the product", fmt.Sprint(product)},
		{"direct dependencies, those of tests included", fmt.Sprint(all)},
		{"words in README.md and docs", fmt.Sprint(words)},
	}, nil
}

var (
	lineComment = regexp.MustCompile(`//[^\n]*`)
	identifier  = regexp.MustCompile(`\b[a-z]\w*\b`)
	unexported  = regexp.MustCompile(`^[a-z]`)
)

// singleCallers counts the names of unexported functions, and those of short
// functions that the code, without tests, mentions exactly once besides the
// declaration.
func singleCallers(files []arch.GoFile) (single, functions int) {
	length, uses := map[string]int{}, map[string]int{}
	for _, f := range files {
		if strings.HasSuffix(f.Path, "_test.go") {
			continue
		}
		for _, function := range f.Functions() {
			if !unexported.MatchString(function.Name) {
				continue
			}
			if lines, seen := length[function.Name]; !seen || function.Lines < lines {
				length[function.Name] = function.Lines
			}
		}
		for _, name := range identifier.FindAllString(lineComment.ReplaceAllString(string(f.Source), ""), -1) {
			uses[name]++
		}
	}
	for name, lines := range length {
		if lines <= shortFunction && uses[name] == 2 {
			single++
		}
	}
	return single, len(length)
}

var requirement = regexp.MustCompile(`(?m)^\s*(?:require )?([a-z][\w.-]*\.[a-z]+/\S+) v\S+$`)

// dependencies counts the modules that go.mod requires directly, and those of
// them that production code imports.
func dependencies(root string, files []arch.GoFile) (product, all int, err error) {
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		return 0, 0, err
	}
	for _, match := range requirement.FindAllStringSubmatch(string(mod), -1) {
		all++
		if imported(files, match[1]) {
			product++
		}
	}
	return product, all, nil
}

func imported(files []arch.GoFile, module string) bool {
	for _, f := range files {
		if !f.Production() || f.Path == "tools.go" {
			continue
		}
		for _, spec := range f.Syntax.Imports {
			if importPath := strings.Trim(spec.Path.Value, `"`); importPath == module || strings.HasPrefix(importPath, module+"/") {
				return true
			}
		}
	}
	return false
}

// documentWords counts the words of README.md and of the pages below docs.
func documentWords(root string) (int, error) {
	pages, err := arch.Documents(root, ".md")
	if err != nil {
		return 0, err
	}
	words := 0
	for name, text := range pages {
		if name == "README.md" || strings.HasPrefix(name, "docs/") {
			words += len(strings.Fields(text))
		}
	}
	return words, nil
}
