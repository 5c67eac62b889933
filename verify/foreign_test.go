package verify_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const foreignProgram = `package main

import "rekey/verify"

func main() {
	if _, err := verify.New(verify.Options{}); err == nil {
		panic("no error")
	}
}
`

// TestForeignModule: another module can use the package, which imports only the
// standard library and golang-jwt.
func TestForeignModule(t *testing.T) {
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, content := range map[string]string{
		"go.mod":  "module foreign.example/orders\n\ngo 1.26\n\nrequire rekey v0.0.0\n\nreplace rekey => " + root + "\n",
		"go.sum":  string(sums),
		"main.go": foreignProgram,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	goCommand := func(args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "go", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("go %v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	goCommand("run", ".")
	deps := goCommand("list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".")
	for _, dep := range strings.Fields(deps) {
		if dep != "foreign.example/orders" && dep != "rekey/verify" && !strings.HasPrefix(dep, "github.com/golang-jwt/jwt/v5") {
			t.Errorf("it imports %s", dep)
		}
	}
	if !strings.Contains(deps, "rekey/verify") {
		t.Errorf("the package is not among them:\n%s", deps)
	}
}
