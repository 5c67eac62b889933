package explorer

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The embedded files are built from the sources in ui/. CI also builds them
// again; this test reports it early, and without node.
func TestAssets_ofTheSources(t *testing.T) {
	want, err := files.ReadFile("assets/sources.sha256")
	if err != nil {
		t.Fatal(err)
	}
	if got := hashOfSources(t, "ui"); got != strings.TrimSpace(string(want)) {
		t.Error("internal/explorer/ui has changed since the assets were built: cd internal/explorer/ui && npm ci && npm run build")
	}
}

// hashOfSources returns the same hash as ui/build/sources.mjs.
func hashOfSources(t *testing.T, root string) string {
	t.Helper()
	var paths []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && d.Name() == "node_modules" {
			return filepath.SkipDir
		}
		if err == nil && d.Type().IsRegular() {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(paths)
	hash := sha256.New()
	for _, path := range paths {
		contents, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = fmt.Fprintf(hash, "%s\n%d\n%s", filepath.ToSlash(strings.TrimPrefix(path, root+string(filepath.Separator))), len(contents), contents)
	}
	return hex.EncodeToString(hash.Sum(nil))
}
