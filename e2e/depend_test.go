package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"rekey/internal/test/throwaway"
)

// installPackages installs what a directory's package-lock.json names, once a
// checkout: name is one of them. The directory's programs are what the test
// depends on.
func installPackages(t *testing.T, dir, name string) {
	t.Helper()
	npm := throwaway.LookPath(t, "npm", "npm")
	dependOn(t, dir+"/*.mjs", dir+"/package*.json")
	_, complete := os.Stat(filepath.Join(dir, "node_modules", ".package-lock.json")) // npm writes it last
	if _, err := os.Stat(filepath.Join(dir, "node_modules", name)); err == nil && complete == nil {
		return
	}
	for try := 1; ; try++ { // a registry has bad moments, longer ones than npm bears
		install := exec.CommandContext(t.Context(), npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=5")
		install.Dir = dir
		output, err := install.CombinedOutput()
		if err == nil {
			return
		}
		if try == 3 {
			t.Fatalf("npm ci: %v\n%s", err, output)
		}
		t.Logf("npm ci: %v\n%s", err, output)
	}
}

// dependOn makes go test forget its cached result when one of the files
// changes: it knows only of those that the test itself looks at.
func dependOn(t testing.TB, patterns ...string) {
	t.Helper()
	for _, pattern := range patterns {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(files), err)
		}
		for _, file := range files {
			if _, err := os.ReadFile(file); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// dependOnProgram is dependOn for what the binary is built of. The go command,
// which builds it, is a process of its own; looking at a directory makes go test
// remember the size and the time of each file in it.
func dependOnProgram(t testing.TB) {
	t.Helper()
	dependOn(t, "../*.go", "../go.mod", "../go.sum")
	for _, room := range []string{"compat", "graph", "internal", "models", "resolvers"} {
		err := filepath.WalkDir(filepath.Join("..", room), func(path string, entry os.DirEntry, err error) error {
			if err == nil && entry.IsDir() && (entry.Name() == "testdata" || path == "../internal/explorer/ui") {
				return filepath.SkipDir
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
