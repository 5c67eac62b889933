package graphqlhttp

import (
	"encoding/json"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"rekey/internal/throwaway"
)

const (
	auditsDir = "../../e2e/audits"
	// auditCount is how many audits the pinned version of graphql-http has.
	auditCount = 61
)

// Every audit of graphql-http, MUST, SHOULD and MAY, passes.
func TestHandler_Audits(t *testing.T) {
	node := throwaway.LookPath(t, "node", "nodejs")
	installAudits(t)
	server := httptest.NewServer(newFixture(&fakeRoot{}))
	defer server.Close()

	run := exec.CommandContext(t.Context(), node, "audits.mjs", server.URL+"/graphql")
	run.Dir = auditsDir
	run.Stderr = os.Stderr
	output, err := run.Output()
	if err != nil {
		t.Fatalf("running the audits: %v", err)
	}
	var result struct {
		Total  int
		Failed []struct{ ID, Name, Status, Reason string }
	}
	if err := json.Unmarshal(output, &result); err != nil {
		t.Fatalf("audits printed %q: %v", output, err)
	}
	if result.Total != auditCount {
		t.Errorf("%d audits ran, want %d", result.Total, auditCount)
	}
	for _, failed := range result.Failed {
		t.Errorf("%s %s (%s): %s", failed.ID, failed.Name, failed.Status, failed.Reason)
	}
}

// installAudits installs what package-lock.json names, once a checkout.
func installAudits(t *testing.T) {
	t.Helper()
	npm := throwaway.LookPath(t, "npm", "npm")
	if _, err := os.Stat(filepath.Join(auditsDir, "node_modules", "graphql-http")); err == nil {
		return
	}
	install := exec.CommandContext(t.Context(), npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts")
	install.Dir = auditsDir
	if output, err := install.CombinedOutput(); err != nil {
		t.Fatalf("npm ci: %v\n%s", err, output)
	}
}
