package breached

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func writeFile(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hashes.txt")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestFile_Contains_likeMap: for files of every accepted form and many sizes, the
// search answers as a map of their lines does.
func TestFile_Contains_likeMap(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // repeatable inputs
	forms := map[string]func(hash string) string{
		"hashes with numbers":      func(h string) string { return fmt.Sprintf("%s:%d\n", h, 1+random.Uint64()>>random.IntN(64)>>1) },
		"hashes with numbers, CR":  func(h string) string { return fmt.Sprintf("%s:%d\r\n", h, 1+random.IntN(1000)) },
		"plain hashes":             func(h string) string { return h + "\n" },
		"plain hashes, lower case": func(h string) string { return strings.ToLower(h) + "\n" },
		"prefixes":                 func(h string) string { return h[:20] + "\n" },
		"the shortest prefixes":    func(h string) string { return h[:minDigits] + "\n" },
		"after a byte order mark":  func(h string) string { return h + "\n" },
	}
	for name, form := range forms {
		t.Run(name, func(t *testing.T) {
			for _, size := range []int{1, 2, 3, 5, 100, 5000} {
				var hashes, lines []string
				for i := range size {
					hashes = append(hashes, hashOf(fmt.Sprint(name, size, i)))
				}
				slices.Sort(hashes)
				known := map[string]bool{}
				for _, h := range hashes {
					lines, known[h] = append(lines, form(h)), true
				}
				content := strings.Join(lines, "")
				if name == "after a byte order mark" {
					content = string(byteOrderMark) + content
				}
				if size%2 == 1 {
					content = strings.TrimRight(content, "\r\n") // files may end without a line break
				}
				f, err := OpenFile(writeFile(t, content))
				if err != nil {
					t.Fatalf("%d lines: %v", size, err)
				}
				for i := range 2 * size { // half of them are in the file
					h := hashOf(fmt.Sprint(name, size, i))
					if got, err := f.contains(t.Context(), h); got != known[h] || err != nil {
						t.Fatalf("%d lines: hash %d: %v, %v; want %v", size, i, got, err, known[h])
					}
				}
				for _, h := range []string{strings.Repeat("0", hashDigits), strings.Repeat("F", hashDigits)} {
					if got, err := f.contains(t.Context(), h); got || err != nil {
						t.Errorf("%d lines: %s: %v, %v", size, h, got, err)
					}
				}
				if err := f.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestOpenFile_Refused(t *testing.T) {
	a, b := strings.Repeat("A", hashDigits), strings.Repeat("B", hashDigits)
	var byCount bytes.Buffer
	for i := range 3000 {
		fmt.Fprintf(&byCount, "%s:%d\n", hashOf(fmt.Sprint(i)), 9000-i)
	}
	for name, tt := range map[string]struct{ content, problem string }{
		"empty":                {"", "empty"},
		"only a mark":          {string(byteOrderMark), "empty"},
		"words":                {"password\n12345678\n", "not hexadecimal"},
		"NTLM hashes":          {a[:32] + ":3\n" + b[:32] + ":3\n", "NTLM"},
		"SHA-256 hashes":       {a + a[:24] + "\n", "not hexadecimal"},
		"short prefixes":       {"AAAAA\nAAAAB\n", "fewer than 12 digits"},
		"sorted by number":     {byCount.String(), "not sorted"},
		"two lines, reversed":  {b + "\n" + a + "\n", "not sorted"},
		"cut off in a hash":    {a + ":1\n" + b[:10], "incomplete"},
		"cut off at the colon": {a + ":1\n" + b + ":", "not hexadecimal"},
		"an empty line":        {a + "\n\n" + b + "\n", "not hexadecimal"},
		"binary":               {strings.Repeat("\x00", 4096), "not hexadecimal"},
		"different lengths":    {a + "\n" + b[:20] + "\n", "different numbers of digits"},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := OpenFile(writeFile(t, tt.content))
			if err == nil {
				_ = f.Close()
			}
			if err == nil || !strings.Contains(err.Error(), tt.problem) {
				t.Fatalf("error %v, want one with %q", err, tt.problem)
			}
		})
	}
	if _, err := OpenFile(filepath.Join(t.TempDir(), "missing")); err == nil {
		t.Error("a missing file was opened")
	}
}

func TestFile_Contains_padding(t *testing.T) {
	h := hashOf("padding")
	f, err := OpenFile(writeFile(t, h+":0\n"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if found, err := f.contains(t.Context(), h); found || err != nil {
		t.Errorf("%v, %v", found, err)
	}
}

// TestFile_Contains_fails: a file that is cut off after it was opened, and a context
// that has ended, are errors, never answers.
func TestFile_Contains_fails(t *testing.T) {
	h := hashOf("leaked")
	path := writeFile(t, h+":7\n")
	f, err := OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.contains(ended, h); err == nil {
		t.Error("no error after the context ended")
	}
	if err := os.Truncate(path, 10); err != nil {
		t.Fatal(err)
	}
	if _, err := f.contains(t.Context(), h); err == nil || strings.Contains(err.Error(), h[:12]) {
		t.Errorf("after the file was cut off: %v", err)
	}
}
