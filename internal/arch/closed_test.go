package arch

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"testing"
)

// closed are the types that enforce rules. A field that their callers could
// reach would be a way around the rules.
var closed = map[string][]string{
	"internal/auth":      {"Service", "APIKeys", "Passwords", "refresh"},
	"internal/blacklist": {"Cache"},
	"internal/keyring":   {"Ring"},
	"internal/stream":    {"Hub"},
	"internal/token":     {"Codec"},
}

// TestClosed_Types: the types of the table have no exported field, and embed
// nothing. They copy their options into fields of their own.
func TestClosed_Types(t *testing.T) {
	found := map[string]bool{}
	for _, f := range goFiles(t) {
		for name, problems := range openFields(f.Syntax, closed[path.Dir(f.Path)]) {
			found[path.Dir(f.Path)+"."+name] = true
			for _, problem := range problems {
				t.Errorf("%s: %s", f.Path, problem)
			}
		}
	}
	for pkg, names := range closed {
		for _, name := range names {
			if !found[pkg+"."+name] {
				t.Errorf("there is no struct %s in %s", name, pkg)
			}
		}
	}
}

// TestClosed_Found shows which fields are reported.
func TestClosed_Found(t *testing.T) {
	tests := map[string]struct {
		fields string
		want   int
	}{
		"fields of its own":       {"store Store; now func() time.Time; mu sync.Mutex", 0},
		"embedded options":        {"Options; now func() time.Time", 1},
		"embedded by a pointer":   {"*Service", 1},
		"an embedded store":       {"auth.Store; keys auth.APIKeyStore", 1},
		"embedded, not exported":  {"options", 1},
		"an exported store":       {"Store auth.Store", 1},
		"two exported of a field": {"Store, Log any", 2},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			file, err := parser.ParseFile(token.NewFileSet(), "", "package p; type Service struct {"+tt.fields+"}; type Other struct { Store any }", 0)
			if err != nil {
				t.Fatal(err)
			}
			if got := openFields(file, []string{"Service"}); len(got) != 1 || len(got["Service"]) != tt.want {
				t.Errorf("found %v, want %d problems", got, tt.want)
			}
		})
	}
}

// openFields returns, for each of the named structs that the file declares,
// its fields that callers can reach.
func openFields(file *ast.File, names []string) map[string][]string {
	found := map[string][]string{}
	for _, name := range names {
		ast.Inspect(file, func(node ast.Node) bool {
			spec, ok := node.(*ast.TypeSpec)
			if !ok || spec.Name.Name != name {
				return true
			}
			structure, ok := spec.Type.(*ast.StructType)
			if !ok {
				return true
			}
			found[name] = nil
			for _, field := range structure.Fields.List {
				if len(field.Names) == 0 {
					found[name] = append(found[name], name+" embeds a type, whose fields and methods become its own: give it a field with a name")
				}
				for _, fieldName := range field.Names {
					if fieldName.IsExported() {
						found[name] = append(found[name], fmt.Sprintf("%s.%s is exported: callers could bypass the rules of %s", name, fieldName.Name, name))
					}
				}
			}
			return false
		})
	}
	return found
}
