package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"rekey/internal/test/throwaway"
)

// installPackages installs the packages of a directory's package-lock.json once
// per checkout; name is one of them. The test then depends on the directory's
// programs.
func installPackages(t *testing.T, dir, name string) {
	t.Helper()
	npm := throwaway.LookPath(t, "npm", "npm")
	dependOn(t, dir+"/*.mjs", dir+"/package*.json")
	_, complete := os.Stat(filepath.Join(dir, "node_modules", ".package-lock.json")) // npm writes it last
	if _, err := os.Stat(filepath.Join(dir, "node_modules", name)); err == nil && complete == nil {
		return
	}
	for try := 1; ; try++ { // a registry can be unreachable for longer than npm retries
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

// dependOn makes go test discard its cached result when one of the files
// changes. Otherwise go test tracks only files that the test itself opens.
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

// dependOnProgram is dependOn for the sources of the binary, which another
// process (the go command) reads. Reading a directory makes go test record the
// size and time of each file in it.
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
