package e2e

import (
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"rekey/internal/test/throwaway"
)

// TestClients_tabs runs docs/clients/session.mjs in several tabs of Chromium,
// with and without web locks: see cookies/tabs.mjs.
func TestClients_tabs(t *testing.T) {
	chromium := throwaway.LookPath(t, "chromium", "chromium")
	node := throwaway.LookPath(t, "node", "nodejs")
	installPackages(t, "cookies", "playwright-core")
	dependOn(t, "../docs/clients/*.mjs")
	p := start(t, map[string]string{"DATA_DIR": t.TempDir(), "LOG_LEVEL": "warn", "RATE_LIMITS": "off"})
	app := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/session.mjs" {
			http.ServeFile(w, r, "../docs/clients/session.mjs")
			return
		}
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<!doctype html><title>a page</title>"))
	}))
	run := exec.CommandContext(t.Context(), node, "tabs.mjs", "--chromium", chromium,
		"--api", p.URL, "--app", app, "--plain", strings.Replace(app, "localhost", "app.test", 1))
	run.Dir = "cookies"
	output, err := run.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, output, p.out)
	}
	t.Logf("%s", output)
}
