package arch

import (
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "rekey"

// rule lists what one package may import: our packages, and the libraries that
// only some packages may import.
type rule struct {
	allowed   []string // our packages; "*" for any
	libraries []string // of the restricted ones below
}

// Libraries that only a few packages may import.
const (
	gormLib    = "gorm.io/"
	redisLib   = "github.com/redis/"
	jwtLib     = "github.com/golang-jwt/"
	gqlgenLib  = "github.com/99designs/gqlgen"
	gqlparser  = "github.com/vektah/gqlparser"
	httpLib    = "net/http"
	websockets = "github.com/coder/websocket"
	sqlLib     = "database/sql"
	gooseLib   = "github.com/pressly/goose"
	sqliteLib  = "github.com/glebarez/"
	pgxLib     = "github.com/jackc/pgx"
	brotliLib  = "github.com/andybalholm/brotli"
	prometheus = "github.com/prometheus/"
	otel       = "go.opentelemetry.io/"
)

// restricted returns the libraries that a package may import only if its rule
// names them.
func restricted() []string {
	return []string{
		gormLib, redisLib, jwtLib, gqlgenLib, gqlparser, httpLib, websockets, sqlLib, gooseLib, sqliteLib, pgxLib, brotliLib,
		prometheus, otel,
	}
}

// packages is the table of docs/architecture.md. A package that is not in it
// fails the test.
func packages() map[string]rule {
	return map[string]rule{
		"":                                 {allowed: []string{"internal/app"}},
		"internal/app":                     {allowed: []string{"*"}, libraries: []string{httpLib, gqlgenLib}},
		"graph":                            {allowed: []string{"graph/model"}, libraries: []string{gqlgenLib, gqlparser}},
		"graph/merge":                      {libraries: []string{gqlparser}},
		"graph/model":                      {libraries: []string{gqlgenLib}},
		"resolvers":                        {allowed: []string{"graph", "graph/model", "internal/auth", "internal/stream"}, libraries: []string{gqlgenLib, gqlparser, httpLib}},
		"compat":                           {allowed: []string{"internal/auth"}, libraries: []string{httpLib}},
		"internal/oauth":                   {allowed: []string{"internal/auth"}, libraries: []string{httpLib}},
		"docs/verify/gate":                 {allowed: []string{"verify"}, libraries: []string{httpLib}},
		"verify":                           {libraries: []string{jwtLib, httpLib}},
		"models":                           {},
		"internal/auth":                    {},
		"internal/token":                   {allowed: []string{"internal/auth"}, libraries: []string{jwtLib}},
		"internal/store":                   {allowed: []string{"internal/auth", "models"}, libraries: []string{gormLib, sqlLib, gooseLib, sqliteLib, pgxLib}},
		"internal/store/storetest":         {allowed: []string{"internal/auth", "internal/test/racing"}},
		"internal/blacklist":               {allowed: []string{"internal/auth", "internal/redispool"}, libraries: []string{redisLib}},
		"internal/blacklist/blacklisttest": {allowed: []string{"internal/auth"}},
		"internal/config":                  {allowed: []string{"internal/auth"}},
		"internal/outbox":                  {allowed: []string{"internal/auth"}},
		"internal/limit":                   {allowed: []string{"internal/auth", "internal/redispool"}, libraries: []string{redisLib}},
		"internal/stream":                  {allowed: []string{"internal/auth"}, libraries: []string{redisLib}},
		"internal/stream/streamtest":       {allowed: []string{"internal/auth", "internal/stream"}},
		"internal/redispool":               {libraries: []string{redisLib}},
		"internal/web":                     {allowed: []string{"internal/auth"}, libraries: []string{httpLib, prometheus}},
		"internal/graphqlhttp":             {allowed: []string{"internal/auth"}, libraries: []string{httpLib, websockets, gqlgenLib, gqlparser}},
		"internal/breached":                {allowed: []string{"internal/egress"}, libraries: []string{httpLib}},
		"internal/egress":                  {libraries: []string{httpLib}},
		"internal/mail":                    {allowed: []string{"internal/auth", "internal/egress"}, libraries: []string{httpLib}},
		"internal/licenses":                {libraries: []string{brotliLib}},
		"internal/licenses/generate":       {libraries: []string{brotliLib}},
		"internal/observe":                 {allowed: []string{"internal/auth"}, libraries: []string{prometheus, otel}},
		"internal/explorer":                {allowed: []string{"internal/web"}, libraries: []string{httpLib, brotliLib}},
		"internal/inbox":                   {allowed: []string{"internal/web"}, libraries: []string{httpLib}},
		"internal/pages":                   {allowed: []string{"internal/web"}, libraries: []string{httpLib}},
		"internal/keyring":                 {allowed: []string{"internal/auth", "internal/token"}},
		"internal/cli":                     {allowed: []string{"internal/auth", "internal/doctor", "internal/keyring"}},
		"internal/doctor":                  {allowed: []string{"internal/auth", "internal/config", "internal/keyring", "internal/redispool", "internal/store"}},
		"internal/fault":                   {allowed: []string{"internal/auth"}, libraries: []string{httpLib, sqlLib, pgxLib}},
		"internal/test/logcheck":           {},
		"internal/test/cputime":            {},
		"internal/test/racing":             {},
		"internal/test/hostiletokens":      {},
		"internal/test/throwaway":          {libraries: []string{sqlLib, redisLib, pgxLib}},
		"internal/arch":                    {},
		"internal/arch/figures":            {allowed: []string{"internal/arch"}},
	}
}

type goPackage struct {
	ImportPath string
	Imports    []string
}

// TestPackages_Imports compares every package with the table: it may import only
// the packages and restricted libraries that its rule lists.
func TestPackages_Imports(t *testing.T) {
	for _, pkg := range listPackages(t) {
		name := strings.TrimPrefix(strings.TrimPrefix(pkg.ImportPath, module), "/")
		if exempt(name) {
			continue
		}
		t.Run("/"+name, func(t *testing.T) {
			r, ok := packages()[name]
			if !ok {
				t.Fatalf("package %q is not in the table: add it there and to docs/architecture.md, with what it owns and imports", name)
			}
			for _, fault := range r.faults(pkg.Imports) {
				t.Error(fault)
			}
		})
	}
}

// TestPackages_Documented compares the table of docs/architecture.md with the
// one in this file: the same packages, and the same imports.
func TestPackages_Documented(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "docs/architecture.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n## Packages\n")
	section, _, _ = strings.Cut(section, "\n## ")
	documented := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|.*\\| ([^|]+) \\|$").FindAllStringSubmatch(section, -1) {
		documented[row[1]] = row[2]
	}
	for name, rule := range packages() {
		name = cmp.Or(name, "server.go")
		imports := strings.Join(rule.allowed, ", ")
		switch imports {
		case "":
			imports = "nothing"
		case "*":
			imports = "everything"
		}
		if found, ok := documented[name]; !ok {
			t.Errorf("docs/architecture.md has no row `%s`: say what it owns and imports", name)
		} else if found != imports {
			t.Errorf("docs/architecture.md says that %s may import %s; the table in arch_test.go says %s", name, found, imports)
		}
		delete(documented, name)
	}
	for name := range documented {
		t.Errorf("docs/architecture.md has a row `%s`, which is not in the table in arch_test.go", name)
	}
}

// TestRule_Faults shows what the rules find.
func TestRule_Faults(t *testing.T) {
	tests := map[string]struct {
		name    string
		imports []string
		want    int
	}{
		"a transport may call the core":            {"compat", []string{"rekey/internal/auth", "net/http"}, 0},
		"a transport may not import another":       {"compat", []string{"rekey/resolvers"}, 1},
		"a transport may not import rows or GORM":  {"resolvers", []string{"rekey/models", "gorm.io/gorm"}, 2},
		"the core may not import transport or SQL": {"internal/auth", []string{"net/http", "database/sql", "context"}, 2},
		"the core may not import a JWT library":    {"internal/auth", []string{"github.com/golang-jwt/jwt/v5"}, 1},
		"models import none of our packages":       {"models", []string{"rekey/internal/auth"}, 1},
		"subpackages of net/http are transport":    {"internal/auth", []string{"net/http/httptest"}, 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := packages()[tt.name].faults(tt.imports)
			if len(got) != tt.want {
				t.Errorf("faults = %v, want %d", got, tt.want)
			}
		})
	}
}

func (r rule) faults(imports []string) []string {
	var faults []string
	for _, path := range imports {
		if ours, ok := strings.CutPrefix(path, module+"/"); ok {
			if !slices.Contains(r.allowed, ours) && !slices.Contains(r.allowed, "*") {
				faults = append(faults, "may not import "+path)
			}
			continue
		}
		if lib := restrictedLibrary(path); lib != "" && !slices.Contains(r.libraries, lib) {
			faults = append(faults, "may not import the library "+path)
		}
	}
	return faults
}

func restrictedLibrary(path string) string {
	for _, lib := range restricted() {
		if path == strings.TrimSuffix(lib, "/") || strings.HasPrefix(path, strings.TrimSuffix(lib, "/")+"/") {
			return lib
		}
	}
	return ""
}

// exempt reports whether a package measures or drives the product from outside.
func exempt(name string) bool {
	return name == "e2e" || strings.HasPrefix(name, "e2e/") || name == "bench" || strings.HasPrefix(name, "bench/")
}

func listPackages(t *testing.T) []goPackage {
	t.Helper()
	// With the tag internal/fault has all of its imports.
	cmd := exec.CommandContext(t.Context(), "go", "list", "-tags", "faults", "-json=ImportPath,Imports", module+"/...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var pkgs []goPackage
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			return pkgs
		}
		if err != nil {
			t.Fatalf("reading go list: %v", err)
		}
		pkgs = append(pkgs, p)
	}
}
