package inbox

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rekey/internal/auth"
	"rekey/internal/mail"
)

const token = "EXAMPLE-ONLY-7f3a9c51d0e84b26a1c95e08d7b34f62"

// inboxOf returns an inbox over a directory that has a mail of each kind.
func inboxOf(t *testing.T) (h http.Handler, dir string) {
	t.Helper()
	log, now := slog.New(slog.DiscardHandler), time.Date(2026, 12, 1, 2, 0, 0, 0, time.UTC)
	dir = filepath.Join(t.TempDir(), "mail")
	clock := func() time.Time { now = now.Add(time.Second); return now }
	m, err := mail.New(mail.Options{Directory: dir, AppURL: "http://localhost:8080", Zone: time.UTC, Now: clock, Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range auth.MailKinds() {
		if err := m.Send(t.Context(), "id-"+string(kind), mail.Sample(kind, "hu", "http://localhost:8080", now)); err != nil {
			t.Fatal(err)
		}
	}
	next := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	return New(Options{Directory: dir, Logger: log}, next), dir
}

func get(t *testing.T, h http.Handler, path string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
	r.Host, r.RemoteAddr = "localhost:8080", "127.0.0.1:9"
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func getJSON(t *testing.T, h http.Handler, path string, to any) {
	t.Helper()
	w := get(t, h, path)
	if err := json.Unmarshal(w.Body.Bytes(), to); err != nil || w.Code != http.StatusOK {
		t.Fatalf("%s: %d %v", path, w.Code, err)
	}
}

// TestInbox_mails: every mail is listed, newest first, and shown as it was sent.
func TestInbox_mails(t *testing.T) {
	h, _ := inboxOf(t)
	var list []summary
	getJSON(t, h, Path+"/mails", &list)
	kinds := auth.MailKinds()
	if len(list) != len(kinds) {
		t.Fatalf("%d mails of %d are listed", len(list), len(kinds))
	}
	for i, s := range list {
		kind := string(kinds[len(kinds)-1-i])
		if s.Kind != kind || s.To != "ada@example.com" || !strings.HasPrefix(s.Subject, "rekey: ") || strings.Contains(s.Subject, "=?") || s.At.IsZero() {
			t.Errorf("%s: %+v", kind, s)
		}
		var l struct {
			letter
			HTML string `json:"html"`
		}
		getJSON(t, h, Path+"/mails/"+s.Name, &l)
		if !l.HasHTML || l.HTML != "" || strings.Contains(l.Text, "\r") || strings.Contains(l.Text, "=\n") {
			t.Errorf("%s: %+v", kind, l.letter)
		}
		want := "http://localhost:8080/account#" + kind + "=" + token
		if !strings.Contains(l.Text, token) {
			want = "" // the mail only informs
		}
		if l.Link != want {
			t.Errorf("%s: link %q, want %q", kind, l.Link, want)
		}
		page := get(t, h, Path+"/mails/"+s.Name+"/html")
		if !strings.HasPrefix(page.Body.String(), "<!doctype html>") || !strings.Contains(page.Header().Get("Content-Security-Policy"), "; sandbox") ||
			strings.Contains(page.Header().Get("Content-Security-Policy"), "script") || page.Header().Get("X-Frame-Options") != "SAMEORIGIN" {
			t.Errorf("%s: %v", kind, page.Header())
		}
	}
}

// TestInbox_files: no name leads out of the directory, and what is not a mail is
// not listed.
func TestInbox_files(t *testing.T) {
	h, dir := inboxOf(t)
	outside := filepath.Join(filepath.Dir(dir), "a-b-c.eml")
	for path, text := range map[string]string{outside: "Subject: secret\r\n\r\nsecret", filepath.Join(dir, "notes.txt"): "x", filepath.Join(dir, "x-y-broken.eml"): "no header"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(outside, filepath.Join(dir, "a-b-link.eml")); err != nil {
		t.Fatal(err)
	}
	var list []summary
	getJSON(t, h, Path+"/mails", &list)
	if len(list) != len(auth.MailKinds()) {
		t.Errorf("%d mails are listed", len(list))
	}
	for name, want := range map[string]int{
		"../a-b-c.eml": 404, "..%2fa-b-c.eml": 404, "%2e%2e/a-b-c.eml": 404, "a-b-link.eml": 404, "notes.txt": 404, "": 404, "a-b-missing.eml": 404, "x-y-broken.eml": 500,
	} {
		if w := get(t, h, Path+"/mails/"+name); w.Code != want || strings.Contains(w.Body.String(), "secret") {
			t.Errorf("%q: %d %s", name, w.Code, w.Body)
		}
	}
}

func TestInbox_empty(t *testing.T) {
	h := New(Options{Directory: filepath.Join(t.TempDir(), "missing"), Logger: slog.New(slog.NewTextHandler(io.Discard, nil))}, http.NotFoundHandler())
	if w := get(t, h, Path+"/mails"); w.Code != http.StatusOK || strings.TrimSpace(w.Body.String()) != "[]" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// TestInbox_page: the page runs no inline script or style, other paths are passed
// on, and other machines get nothing.
func TestInbox_page(t *testing.T) {
	h, _ := inboxOf(t)
	for _, path := range []string{"", "/inbox.js", "/inbox.css", "/icon.svg", "/mails"} {
		w := get(t, h, Path+path)
		if policy := w.Header().Get("Content-Security-Policy"); w.Code != http.StatusOK || strings.Contains(policy, "unsafe") || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %v", path, w.Code, w.Header())
		}
		for _, forbidden := range []string{"innerHTML", "insertAdjacentHTML", "<style", "style=", "eval("} {
			if strings.Contains(w.Body.String(), forbidden) {
				t.Errorf("%s has %s", path, forbidden)
			}
		}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, Path+path, nil)
		r.Host, r.RemoteAddr = "localhost", "192.0.2.1:9"
		far := httptest.NewRecorder()
		if h.ServeHTTP(far, r); far.Code != http.StatusForbidden {
			t.Errorf("%s: another machine gets %d", path, far.Code)
		}
	}
	for _, path := range []string{"/", "/explorer", "/explorer/inboxes", Path + "/", Path + "/inbox.html"} {
		if w := get(t, h, path); w.Code != http.StatusTeapot {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}
