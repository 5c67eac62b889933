package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// listed is a package, as `go list -json` prints it.
type listed struct {
	Dir    string
	Module *struct {
		Path, Version, Dir string
		Main               bool
	}
}

// module is a module in the binary, with the directories of its packages.
type module struct {
	name string // with its version
	root string
	dirs []string
}

// systems are those that the binary is built for. Some modules are only in some
// of them.
func systems() []string { return []string{"linux", "darwin", "windows"} }

// modulesOf returns the modules that the program at root is built from.
func modulesOf(ctx context.Context, root string) (map[string]*module, error) {
	all := map[string]*module{}
	for _, system := range systems() {
		cmd := exec.CommandContext(ctx, "go", "list", "-deps", "-json=Dir,Module", ".")
		cmd.Dir = root
		cmd.Env = append(os.Environ(), "GOOS="+system, "GOARCH=amd64", "CGO_ENABLED=0", "GOFLAGS=")
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil {
			return nil, fmt.Errorf("listing the packages for %s: %w", system, err)
		}
		for packages := json.NewDecoder(bytes.NewReader(out)); ; {
			var p listed
			if err := packages.Decode(&p); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				return nil, fmt.Errorf("reading the list of packages: %w", err)
			}
			if p.Module == nil || p.Module.Main {
				continue // the standard library, or our own
			}
			m := all[p.Module.Path]
			if m == nil {
				m = &module{name: p.Module.Path + " " + p.Module.Version, root: p.Module.Dir}
				all[p.Module.Path] = m
			}
			m.dirs = append(m.dirs, p.Dir)
		}
	}
	return all, nil
}

// part is the text of one or several equal files, with those that it is for.
type part struct {
	owners []string
	text   string
}

// licenses returns the texts of the licenses, each once.
func licenses(root string, modules map[string]*module) ([]part, error) {
	byText := map[string]*part{}
	add := func(owner, file string) error {
		contents, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		lines := strings.Split(strings.ReplaceAll(string(contents), "\r\n", "\n"), "\n")
		for i := range lines {
			lines[i] = strings.TrimRight(lines[i], " \t")
		}
		text := strings.Trim(strings.Join(lines, "\n"), "\n")
		key := strings.Join(strings.Fields(text), " ") // copies differ in their spaces
		if byText[key] == nil {
			byText[key] = &part{text: text}
		}
		byText[key].owners = append(byText[key].owners, owner)
		return nil
	}
	for _, path := range slices.Sorted(maps.Keys(modules)) { // of equal texts, the first is kept
		m := modules[path]
		files, err := m.licenseFiles()
		if err != nil {
			return nil, err
		}
		if len(files) == 0 {
			return nil, fmt.Errorf("%s has no license", m.name)
		}
		for _, file := range files {
			if err := add(m.name, file); err != nil {
				return nil, err
			}
		}
	}
	// The standard library has the license of the module crypto, word for word.
	crypto, ok := modules["golang.org/x/crypto"]
	if !ok {
		return nil, errors.New("golang.org/x/crypto is not in the binary: take the license of the standard library from elsewhere")
	}
	if err := add("The standard library of Go", filepath.Join(crypto.root, "LICENSE")); err != nil {
		return nil, err
	}
	if err := add("The list of common passwords", filepath.Join(root, "internal/auth/wordlist/LICENSE")); err != nil {
		return nil, err
	}
	return sorted(byText), nil
}

func sorted(byText map[string]*part) (parts []part) {
	for _, p := range byText {
		slices.Sort(p.owners)
		p.owners = slices.Compact(p.owners)
		parts = append(parts, *p)
	}
	slices.SortFunc(parts, func(a, b part) int { // by text if a module has several
		return cmp.Or(slices.Compare(a.owners, b.owners), strings.Compare(a.text, b.text))
	})
	return parts
}

// licenseFiles returns the files with licenses, copyrights and grants of
// patents in the directories of the module's packages, and in those above them.
func (m *module) licenseFiles() (files []string, err error) {
	name := regexp.MustCompile(`(?i)^(([a-z]+-)?licen[cs]e|copying|copyright|notice|patents)([-._].*)?$`)
	seen := map[string]bool{}
	for _, dir := range append(m.dirs, m.root) {
		for ; strings.HasPrefix(dir, m.root) && !seen[dir]; dir = filepath.Dir(dir) {
			seen[dir] = true
			entries, err := os.ReadDir(dir)
			if err != nil {
				return nil, err
			}
			for _, e := range entries {
				if e.Type().IsRegular() && name.MatchString(e.Name()) && filepath.Ext(e.Name()) != ".go" {
					files = append(files, filepath.Join(dir, e.Name()))
				}
			}
		}
	}
	return files, nil
}
