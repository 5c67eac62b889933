package explorer

import (
	"bytes"
	"compress/gzip"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
)

// fallback answers requests that the explorer does not.
func fallback() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
}

// answer is a response that has been read.
type answer struct {
	*http.Response
	text string
}

func get(t *testing.T, h http.Handler, method, target string, header ...string) answer {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	w.Header().Set("Cache-Control", "no-store") // as the chain does
	w.Header().Set("Content-Security-Policy", "default-src 'self' 'unsafe-inline'")
	h.ServeHTTP(w, r)
	return answer{w.Result(), w.Body.String()}
}

func TestNew_page(t *testing.T) {
	h := New(fallback(), Options{})
	res := get(t, h, http.MethodGet, "/")
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Fatalf("%d %v", res.StatusCode, res.Header)
	}
	if csp := res.Header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'") || strings.Contains(csp, "unsafe-eval") {
		t.Errorf("policy %q", csp)
	}
	if cache := res.Header.Get("Cache-Control"); cache != "no-cache" {
		t.Errorf("Cache-Control %q", cache)
	}
	names := regexp.MustCompile(`(?:href|src)="([^"]*)"`).FindAllStringSubmatch(res.text, -1)
	if len(names) != 3 {
		t.Errorf("the page names %v", names)
	}
	for _, name := range names {
		res := get(t, h, http.MethodGet, name[1])
		if res.StatusCode != http.StatusOK || !strings.Contains(res.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %d %v", name[1], res.StatusCode, res.Header)
		}
	}
}

// TestNew_inbox: the page links to the inbox only where it is served.
func TestNew_inbox(t *testing.T) {
	for on, want := range map[bool]string{true: `data-inbox="on"`, false: `data-inbox="off"`} {
		res := get(t, New(fallback(), Options{Inbox: on}), http.MethodGet, "/", "Accept-Encoding", "gzip, br")
		if text := decompress(t, res.Header.Get("Content-Encoding"), res.text); !strings.Contains(text, want) || strings.Count(text, "data-inbox") != 1 {
			t.Errorf("%t: %s", on, text)
		}
	}
}

func TestNew_leavesTheRest(t *testing.T) {
	h := New(fallback(), Options{})
	for target, method := range map[string]string{
		"/?a=b":                         http.MethodPost,
		"/index.html":                   http.MethodGet,
		"/explorer":                     http.MethodGet,
		"/explorer/":                    http.MethodGet,
		"/explorer/index.html":          http.MethodGet,
		"/explorer/sources.sha256":      http.MethodGet,
		"/explorer/../explorer.go":      http.MethodGet,
		"/explorer/%2e%2e/explorer.go":  http.MethodGet,
		"/explorer/licenses.txt":        http.MethodDelete,
		"//":                            http.MethodGet,
		"/explorer/licenses.txt/":       http.MethodGet,
		"/Explorer/licenses.txt":        http.MethodGet,
		"/explorer//licenses.txt":       http.MethodGet,
		"/explorer/licenses.txt%00.css": http.MethodGet,
	} {
		res := get(t, h, method, target)
		if res.StatusCode != http.StatusTeapot {
			t.Errorf("%s %s: %d", method, target, res.StatusCode)
		}
	}
}

func TestAsset_encoding(t *testing.T) {
	h := New(fallback(), Options{})
	const target = "/explorer/licenses.txt"
	plain := get(t, h, http.MethodGet, target)
	for accept, want := range map[string]string{
		"br": "br", "gzip, deflate, BR": "br", "gzip": "gzip", "br;q=0, GZIP;q=0.5": "gzip", "zstd, gzip": "gzip",
		"gzip;q=0": "", "gzip; q=0.0": "", "br; q=0.0": "", "identity": "", "": "", "*": "",
	} {
		res := get(t, h, http.MethodGet, target, "Accept-Encoding", accept)
		got := res.Header.Get("Content-Encoding")
		if got != want {
			t.Errorf("%q: encoding %q, want %q", accept, got, want)
		}
		if tag := res.Header.Get("ETag"); (tag == plain.Header.Get("ETag")) != (got == "") {
			t.Errorf("%q: tag %s", accept, tag)
		}
		res.text = decompress(t, got, res.text)
		if res.text != plain.text {
			t.Errorf("%q: the text differs", accept)
		}
	}
}

func decompress(t *testing.T, encoding, compressed string) string {
	t.Helper()
	var r io.Reader = strings.NewReader(compressed)
	var err error
	switch encoding {
	case "br":
		r = brotli.NewReader(r)
	case "gzip":
		r, err = gzip.NewReader(r)
	}
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestAsset_notModified(t *testing.T) {
	h := New(fallback(), Options{})
	first := get(t, h, http.MethodGet, "/", "Accept-Encoding", "gzip")
	again := get(t, h, http.MethodGet, "/", "Accept-Encoding", "gzip", "If-None-Match", first.Header.Get("ETag"))
	if again.StatusCode != http.StatusNotModified || again.text != "" {
		t.Errorf("%d %q", again.StatusCode, again.text)
	}
	head := get(t, h, http.MethodHead, "/")
	if head.StatusCode != http.StatusOK || head.text != "" {
		t.Errorf("HEAD: %d %q", head.StatusCode, head.text)
	}
}

// Every file has a known type.
func TestAssets_types(t *testing.T) {
	for name, a := range load() {
		if a.header["Content-Type"] == "application/octet-stream" {
			t.Errorf("%s has no type", name)
		}
	}
}

// Styles and scripts need nothing that the policy forbids. The browser's test
// checks the rest.
func TestAssets_policy(t *testing.T) {
	for name, a := range load() {
		for _, forbidden := range []string{"eval(", "new Function(", `url(data:`, `url("data:`, `url("http`, `url(http`, `url(//`} {
			code := strings.HasSuffix(name, ".css") || strings.HasSuffix(name, ".js")
			if code && bytes.Contains(a.plain(), []byte(forbidden)) {
				t.Errorf("%s has %q", name, forbidden)
			}
		}
	}
}

// TestAssets_policyOfEach: the page and each of its files, workers too, may load and
// call only this service.
func TestAssets_policyOfEach(t *testing.T) {
	for path, a := range load() {
		for _, part := range []string{"default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'", "connect-src 'self'", "script-src 'self';"} {
			if !strings.Contains(a.header["Content-Security-Policy"], part) {
				t.Errorf("%s: no %s in its policy", path, part)
			}
		}
	}
}

// TestSources_textOnly: the panel writes text into the page, never HTML.
func TestSources_textOnly(t *testing.T) {
	err := filepath.WalkDir("ui/src", func(source string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(source)
		if err != nil {
			return err
		}
		for _, forbidden := range []string{"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "dangerouslySetInnerHTML", "addEventListener('message'", "onmessage"} {
			if bytes.Contains(text, []byte(forbidden)) {
				t.Errorf("%s uses %s", source, forbidden)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Files are embedded compressed if that makes them smaller.
func TestAssets_compressed(t *testing.T) {
	for name, a := range load() {
		if a.brotli != (len(a.stored()) < len(a.plain())) {
			t.Errorf("%s: %d bytes are stored as %d", name, len(a.plain()), len(a.stored()))
		}
		if !a.brotli && (strings.HasSuffix(name, ".js") || strings.HasSuffix(name, ".css")) {
			t.Errorf("%s is not compressed", name)
		}
	}
}

// TestFromBrowser: only a person who opens the path in a browser gets the page.
func TestFromBrowser(t *testing.T) {
	h := FromBrowser(fallback())
	const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
	for name, tt := range map[string]struct {
		method, target, accept string
		status                 int
	}{
		"a browser":              {http.MethodGet, "/graphql", browser, http.StatusSeeOther},
		"a browser's HEAD":       {http.MethodHead, "/graphql", browser, http.StatusSeeOther},
		"a query in a browser":   {http.MethodGet, "/graphql?query={__typename}", browser, http.StatusTeapot},
		"a form":                 {http.MethodPost, "/graphql", browser, http.StatusTeapot},
		"fetch":                  {http.MethodGet, "/graphql", "*/*", http.StatusTeapot},
		"a client without media": {http.MethodGet, "/graphql", "", http.StatusTeapot},
	} {
		res := get(t, h, tt.method, tt.target, "Accept", tt.accept)
		if res.StatusCode != tt.status || tt.status == http.StatusSeeOther && res.Header.Get("Location") != "/" {
			t.Errorf("%s: %d %s", name, res.StatusCode, res.Header.Get("Location"))
		}
	}
}
