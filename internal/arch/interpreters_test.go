package arch

import (
	"bytes"
	"slices"
	"strconv"
	"testing"
)

// TestProduct_interpreters: the product starts no process, runs no other code, has
// no parser for XML, and reads no format that creates objects of the sender's
// choice. What it does not import, nobody can inject into.
func TestProduct_interpreters(t *testing.T) {
	allowed := map[string][]string{ // import → the files that may have it
		"os/exec": {"internal/licenses/generate/licenses.go"}, // a generator, which is not in the binary
		"plugin":  nil, "C": nil, "encoding/gob": nil, "encoding/xml": nil, "encoding/csv": nil,
		"text/template": nil, "net/rpc": nil, "archive/zip": nil, "archive/tar": nil,
		"unsafe": {"internal/store/lock_windows.go"}, // for the call that locks a file
	}
	files, err := GoFiles(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !f.Production() {
			continue
		}
		for _, upload := range []string{".FormFile(", ".MultipartReader(", ".ParseMultipartForm("} {
			if bytes.Contains(f.Source, []byte(upload)) {
				t.Errorf("%s accepts files by %s: see docs/security.md, V5", f.Path, upload)
			}
		}
		for _, imported := range f.Syntax.Imports {
			path, err := strconv.Unquote(imported.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if only, restricted := allowed[path]; restricted && !slices.Contains(only, f.Path) {
				t.Errorf("%s imports %s: see docs/security.md, V1", f.Path, path)
			}
		}
	}
}
