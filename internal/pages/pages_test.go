package pages

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

func get(t *testing.T, o Options, method, path string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	h, ok := Handlers(o)[path]
	if !ok {
		t.Fatalf("there is no %s", path)
	}
	r := httptest.NewRequestWithContext(t.Context(), method, path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// TestHandlers_policy: the page and each of its files may load and call only this
// service, run no inline script or style, and are in no frame.
func TestHandlers_policy(t *testing.T) {
	for path := range Handlers(Options{Service: "Example"}) {
		h := get(t, Options{}, http.MethodGet, path).Header()
		policy := h.Get("Content-Security-Policy")
		for _, part := range []string{
			"default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
		} {
			if !strings.Contains(policy, part) {
				t.Errorf("%s: no %s in its policy", path, part)
			}
		}
		if strings.Contains(policy, "unsafe") || strings.Contains(policy, "http") {
			t.Errorf("%s: policy %s", path, policy)
		}
		for name, want := range map[string]string{"Referrer-Policy": "no-referrer", "Cache-Control": "no-cache", "X-Frame-Options": "DENY", "Cross-Origin-Opener-Policy": "same-origin"} {
			if got := h.Get(name); got != want {
				t.Errorf("%s: %s %q", path, name, got)
			}
		}
	}
}

func TestHandlers_page(t *testing.T) {
	page := get(t, Options{Service: `Ada's <Shop> & "Co"`}, http.MethodGet, AccountPath).Body.String()
	if strings.Contains(page, "<Shop>") || !strings.Contains(page, "Ada&#39;s &lt;Shop&gt; &amp; &#34;Co&#34;") || strings.Contains(page, "{{") {
		t.Errorf("the name of the service is not shown as text: %s", page)
	}
	if !strings.Contains(page, `data-cookies="off"`) || !strings.Contains(get(t, Options{CookieMode: true}, http.MethodGet, AccountPath).Body.String(), `data-cookies="on"`) {
		t.Error("the page does not know the cookie mode")
	}
	// The page loads only its own files, which exist.
	for _, name := range regexp.MustCompile(`(?:href|src)="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		get(t, Options{}, http.MethodGet, name[1])
	}
	if regexp.MustCompile(`<style|style=|<script>|\son\w+=`).MatchString(page) {
		t.Error("the page has an inline script or style")
	}
}

// TestHandlers_methods: GET and HEAD are served, and a browser that has the file
// gets 304.
func TestHandlers_methods(t *testing.T) {
	first := get(t, Options{}, http.MethodGet, AccountPath)
	if head := get(t, Options{}, http.MethodHead, AccountPath); head.Code != http.StatusOK || head.Body.Len() != 0 {
		t.Errorf("HEAD: %d %q", head.Code, head.Body)
	}
	if again := get(t, Options{}, http.MethodGet, AccountPath, "If-None-Match", first.Header().Get("ETag")); again.Code != http.StatusNotModified {
		t.Errorf("a repeated GET: %d", again.Code)
	}
	if post := get(t, Options{}, http.MethodPost, AccountPath); post.Code != http.StatusMethodNotAllowed || post.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d", post.Code)
	}
}

// TestFiles: the page stays small, as it is sent, and writes only text into
// itself.
func TestFiles(t *testing.T) {
	var sent bytes.Buffer
	for path := range Handlers(Options{}) {
		text := get(t, Options{}, http.MethodGet, path).Body.String()
		w := gzip.NewWriter(&sent)
		_, _ = w.Write([]byte(text)) // memory takes everything
		_ = w.Close()
		for _, forbidden := range []string{"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "localStorage", "sessionStorage", "document.cookie"} {
			if strings.Contains(text, forbidden) {
				t.Errorf("%s uses %s", path, forbidden)
			}
		}
	}
	if sent.Len() > 12_000 {
		t.Errorf("the page and its files have %d bytes", sent.Len())
	}
}
