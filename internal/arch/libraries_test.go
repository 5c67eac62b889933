package arch

import (
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// The most modules that the product, and the whole project with its tests and
// benches, may require directly.
const (
	maxProductModules = 22
	maxModules        = 32
)

// TestLibraries compares go.mod with the limits and with the tables of
// docs/decisions/0006-libraries.md, which give the reason for each module.
func TestLibraries(t *testing.T) {
	var mod struct {
		Require []struct {
			Path     string
			Indirect bool
		}
	}
	goList(t, &mod, "mod", "edit", "-json")
	var direct []string
	for _, r := range mod.Require {
		if !r.Indirect {
			direct = append(direct, r.Path)
		}
	}
	product := productModules(t, direct)
	if len(product) > maxProductModules {
		t.Errorf("the product requires %d modules directly, at most %d may be: %q", len(product), maxProductModules, product)
	}
	if len(direct) > maxModules {
		t.Errorf("go.mod requires %d modules directly, at most %d may be", len(direct), maxModules)
	}

	page, err := os.ReadFile("../../docs/decisions/0006-libraries.md")
	if err != nil {
		t.Fatal(err)
	}
	inProduct, inTests, found := strings.Cut(string(page), "## In tests and benches")
	if !found {
		t.Fatal("the page has no table of libraries in tests")
	}
	for _, path := range direct {
		table, name := inTests, "tests and benches"
		if slices.Contains(product, path) {
			table, name = inProduct, "the product"
		}
		if !strings.Contains(table, "| `"+path+"` |") {
			t.Errorf("the table of %s has no row for `%s`", name, path)
		}
	}
	if rows := strings.Count(string(page), "\n| `"); rows != len(direct) {
		t.Errorf("the tables have %d rows for %d modules", rows, len(direct))
	}
}

// productModules returns the modules whose packages the program imports, on any
// system that it is built for.
func productModules(t *testing.T, modules []string) []string {
	t.Helper()
	var product []string
	for _, system := range []string{"linux", "darwin", "windows"} {
		cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", `{{if .Module}}{{if eq .Module.Path "rekey"}}{{join .Imports "\n"}}{{end}}{{end}}`, module)
		cmd.Env = append(os.Environ(), "GOOS="+system, "CGO_ENABLED=0")
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("go list for %s: %v", system, err)
		}
		for _, imported := range strings.Fields(string(out)) {
			if path := moduleOf(modules, imported); path != "" && !slices.Contains(product, path) {
				product = append(product, path)
			}
		}
	}
	return product
}

// moduleOf returns the module of a package, the longest that begins its path.
func moduleOf(modules []string, imported string) (best string) {
	for _, path := range modules {
		if strings.HasPrefix(imported+"/", path+"/") && len(path) > len(best) {
			best = path
		}
	}
	return best
}

// goList runs the go command and decodes its answer.
func goList(t *testing.T, into any, args ...string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", args...).Output()
	if err != nil {
		t.Fatalf("go %q: %v", args, err)
	}
	if err := json.Unmarshal(out, into); err != nil {
		t.Fatal(err)
	}
}
