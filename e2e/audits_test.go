package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"testing"

	"rekey/internal/test/throwaway"
)

// auditCount is the number of audits in the pinned version of graphql-http.
const auditCount = 61

// TestAudits: every audit of graphql-http (MUST, SHOULD and MAY) passes in both
// environments, with and without cookies.
func TestAudits(t *testing.T) {
	node := throwaway.LookPath(t, "node", "nodejs")
	installPackages(t, "audits", "graphql-http")
	for name, env := range map[string]map[string]string{
		"development": {}, "production": {"ENV": "production", "COOKIE_MODE": "on", "INTROSPECTION": "on"}, // some audits introspect
	} {
		t.Run(name, func(t *testing.T) {
			env["DATA_DIR"] = t.TempDir()
			audit(t, node, start(t, env).URL+"/graphql")
		})
	}
}

func audit(t *testing.T, node, url string) {
	t.Helper()
	run := exec.CommandContext(t.Context(), node, "audits.mjs", url)
	run.Dir = "audits"
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
