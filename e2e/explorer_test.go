package e2e

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"rekey/internal/throwaway"
)

// shotsEnv names a directory for pictures of the explorer; docs/images is made
// so.
const shotsEnv = "EXPLORER_SHOTS"

// TestExplorer_browser: a session's life by clicks, in a real browser; nothing
// secret is stored, and nothing is asked of anybody else.
func TestExplorer_browser(t *testing.T) {
	node := throwaway.LookPath(t, "node", "nodejs")
	chromium := throwaway.LookPath(t, "chromium", "chromium")
	installExplorerTest(t)
	p := start(t, map[string]string{"DATA_DIR": t.TempDir()})
	args := []string{"explorer.mjs", p.URL + "/", "--chromium", chromium}
	if shots := os.Getenv(shotsEnv); shots != "" {
		absolute, err := filepath.Abs(shots)
		if err != nil {
			t.Fatal(err)
		}
		args = append(args, "--shots", absolute)
	}
	run := exec.CommandContext(t.Context(), node, args...)
	run.Dir = "explorer"
	out, err := run.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}

// installExplorerTest installs what package-lock.json names, once a checkout.
func installExplorerTest(t *testing.T) {
	t.Helper()
	npm := throwaway.LookPath(t, "npm", "npm")
	if _, err := os.Stat(filepath.Join("explorer", "node_modules", "playwright-core")); err == nil {
		return
	}
	install := exec.CommandContext(t.Context(), npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts")
	install.Dir = "explorer"
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("npm ci: %v\n%s", err, out)
	}
}

// TestExplorer_doors: the page takes nothing from the API. What is not its own
// is answered as before, and EXPLORER=off leaves nothing of it.
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
	on.terminate() // so that all of it has been read
	off.terminate()
	if !strings.Contains(on.out.String(), on.URL+"/ in a browser") || strings.Contains(off.out.String(), "in a browser") {
		t.Errorf("the start tells of the page where there is none, or not:\n%s\n%s", on.out, off.out)
	}
}
