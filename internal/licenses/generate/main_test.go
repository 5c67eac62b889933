package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	text "rekey/internal/licenses"
)

const root = "../../.."

// TestCollect_current: the file NOTICE and the text in the binary are those of the modules
// and packages that the binary is built from.
func TestCollect_current(t *testing.T) {
	want, err := collect(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(filepath.Join(root, noticeFile))
	if err != nil {
		t.Fatal(err)
	}
	embedded, err := text.Text()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(file, want) || embedded != string(want) {
		t.Error("the licenses have changed: go generate ./internal/licenses")
	}
}

// TestCollect_complete: each module is named, and so are the npm packages.
func TestCollect_complete(t *testing.T) {
	all, err := text.Text()
	if err != nil {
		t.Fatal(err)
	}
	modules, err := modulesOf(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range modules {
		if !strings.Contains(all, "\n"+m.name+"\n") {
			t.Errorf("%s is missing", m.name)
		}
	}
	for _, want := range []string{
		"\nThe standard library of Go\n", "\nThe list of common passwords\n", "\nmonaco-editor 0.", "\ndompurify 3.", "\ngraphiql 5.", "\nreact 19.", "\nFonts: ",
		"Apache License", "Mozilla Public License",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("%q is missing", want)
		}
	}
}

// TestLicenses: equal texts appear once, with all their owners, and a module
// without a license is an error.
func TestLicenses(t *testing.T) {
	dir := t.TempDir()
	write := func(file, text string) {
		t.Helper()
		path := filepath.Join(dir, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("internal/auth/wordlist/LICENSE", "words")
	write("crypto/LICENSE", "Same  text.\r\nMore.")
	write("one/License.txt", "Same text.\nMore.  \n\n")
	write("one/NOTICE", "made by one")
	write("one/license.go", "package one")
	write("one/sub/package/COPYING", "of a copied package")
	write("one/unused/LICENSE", "not in the binary")
	write("none/README", "no license")
	modules := map[string]*module{
		"golang.org/x/crypto": {name: "crypto v1", root: filepath.Join(dir, "crypto")},
		"one":                 {name: "one v2", root: filepath.Join(dir, "one"), dirs: []string{filepath.Join(dir, "one/sub/package")}},
	}
	parts, err := licenses(dir, modules)
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for _, p := range parts {
		got.WriteString(strings.Join(p.owners, ", ") + ": " + strings.ReplaceAll(p.text, "\n", "/") + "\n")
	}
	const want = "The list of common passwords: words\n" +
		"The standard library of Go, crypto v1, one v2: Same  text./More.\n" +
		"one v2: made by one\none v2: of a copied package\n"
	if got.String() != want {
		t.Errorf("%s\nwant\n%s", got.String(), want)
	}
	modules["none"] = &module{name: "none v1", root: filepath.Join(dir, "none")}
	if _, err := licenses(dir, modules); err == nil || !strings.Contains(err.Error(), "none v1 has no license") {
		t.Errorf("a module without a license: %v", err)
	}
}
