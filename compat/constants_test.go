package compat

import (
	"errors"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// coreConstants returns the values of every constant that the core declares of
// the named type, so that a new one cannot be forgotten here.
func coreConstants(t *testing.T, typeName string) []constant.Value {
	t.Helper()
	scope := typeCheckCore(t).Scope()
	var values []constant.Value
	for _, name := range scope.Names() {
		c, ok := scope.Lookup(name).(*types.Const)
		if !ok || !strings.HasSuffix(c.Type().String(), "."+typeName) {
			continue
		}
		values = append(values, c.Val())
	}
	if len(values) == 0 {
		t.Fatalf("internal/auth declares no constant of type %s", typeName)
	}
	return values
}

type noImporter struct{}

func (noImporter) Import(string) (*types.Package, error) {
	return nil, errors.New("constants need no imports")
}

// typeCheckCore checks just enough of internal/auth for its constants.
func typeCheckCore(t *testing.T) *types.Package {
	t.Helper()
	dir := filepath.Join("..", "internal", "auth")
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	var files []*ast.File
	for _, e := range entries {
		if filepath.Ext(e.Name()) != ".go" || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, filepath.Join(dir, e.Name()), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	conf := types.Config{Importer: noImporter{}, IgnoreFuncBodies: true, Error: func(error) {}}
	pkg, _ := conf.Check("rekey/internal/auth", fset, files, nil) // its errors are the imports
	return pkg
}
