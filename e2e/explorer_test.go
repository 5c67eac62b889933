package e2e

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"rekey/internal/test/throwaway"
)

// shotsEnv names the environment variable with a directory for screenshots of
// the explorer. They are the source of docs/images.
const shotsEnv = "EXPLORER_SHOTS"

// TestExplorer_browser: clicks in a real browser lead through the life of a
// session. The page stores no secret and sends no request to another host.
func TestExplorer_browser(t *testing.T) {
	p := start(t, map[string]string{"DATA_DIR": t.TempDir(), "REUSE_WINDOW": "20s"})
	drive(t, p.URL+"/", shots(t)...)
}

// TestExplorer_mails: clicks lead from the explorer through its inbox and the page at
// /account, for every kind of mail with a link. Programs that open each URL of a mail
// by GET and HEAD, three times, use up nothing. The page sends nothing before its
// button is pressed, and has no finding of axe in both themes and widths.
func TestExplorer_mails(t *testing.T) {
	p := start(t, map[string]string{"DATA_DIR": t.TempDir(), "RATE_LIMITS": "off"})
	drive(t, p.URL+"/", append(shots(t), "--mails")...)
}

// shots returns the option for screenshots, if they are wanted.
func shots(t *testing.T) []string {
	t.Helper()
	directory := os.Getenv(shotsEnv)
	if directory == "" {
		return nil
	}
	absolute, err := filepath.Abs(directory)
	if err != nil {
		t.Fatal(err)
	}
	return []string{"--shots", absolute}
}

// TestExplorer_cookies: the same with the refresh token in the browser's cookie.
// The host name is one that browsers trust with Secure cookies.
func TestExplorer_cookies(t *testing.T) {
	p := start(t, map[string]string{"DATA_DIR": t.TempDir(), "COOKIE_MODE": "on"})
	drive(t, strings.Replace(p.URL, "127.0.0.1", "localhost", 1)+"/", "--cookies")
}

// TestExplorer_plainHTTP: the page works on plain http beyond localhost, where
// browsers withhold some of their functions from pages.
func TestExplorer_plainHTTP(t *testing.T) {
	p := start(t, map[string]string{"DATA_DIR": t.TempDir()})
	drive(t, strings.Replace(p.URL, "127.0.0.1", "rekey.test", 1)+"/", "--plain")
}

// drive runs explorer/explorer.mjs.
func drive(t *testing.T, url string, more ...string) {
	t.Helper()
	node := throwaway.LookPath(t, "node", "nodejs")
	chromium := throwaway.LookPath(t, "chromium", "chromium")
	installPackages(t, "explorer", "playwright-core")
	run := exec.CommandContext(t.Context(), node, append([]string{"explorer.mjs", url, "--chromium", chromium}, more...)...)
	run.Dir = "explorer"
	out, err := run.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}

// TestExplorer_doors: the page does not change the API. Other paths are answered
// as before, and EXPLORER=off removes the page completely.
func TestExplorer_doors(t *testing.T) {
	on := start(t, map[string]string{"DATA_DIR": t.TempDir()})
	off := start(t, map[string]string{"DATA_DIR": t.TempDir(), "ENV": "production"})
	for _, tt := range []struct {
		url, method, target string
		want                int
	}{
		{on.URL, http.MethodGet, "/", http.StatusOK},
		{on.URL, http.MethodHead, "/", http.StatusOK},
		{on.URL, http.MethodGet, "/explorer/licenses.txt", http.StatusOK},
		{on.URL, http.MethodPost, "/", http.StatusNotFound},
		{on.URL, http.MethodGet, "/index.html", http.StatusNotFound},
		{on.URL, http.MethodGet, "/explorer/", http.StatusNotFound},
		{on.URL, http.MethodGet, "/explorer/none.js", http.StatusNotFound},
		{off.URL, http.MethodGet, "/", http.StatusNotFound},
		{off.URL, http.MethodGet, "/explorer/licenses.txt", http.StatusNotFound},
	} {
		req, err := http.NewRequestWithContext(t.Context(), tt.method, tt.url+tt.target, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := httpClient().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil || res.StatusCode != tt.want {
			t.Errorf("%s %s: %d, want %d: %v", tt.method, tt.target, res.StatusCode, tt.want, err)
		}
		if tt.want == http.StatusNotFound && !strings.HasPrefix(string(text), `{"success":false`) {
			t.Errorf("%s %s is not answered in the envelope: %s", tt.method, tt.target, text)
		}
	}
	on.terminate() // so that all of its output has been read
	off.terminate()
	if !strings.Contains(on.out.String(), on.URL+"/ in a browser") || strings.Contains(off.out.String(), "in a browser") {
		t.Errorf("the banner names the page although it is off, or does not name it although it is on:\n%s\n%s", on.out, off.out)
	}
}
