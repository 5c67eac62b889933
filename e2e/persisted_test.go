package e2e

import (
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"rekey/internal/test/throwaway"
)

// TestClients_persistedQueries: clients that send the hash of a document first
// send the document after the answer, and no hash with the next one.
func TestClients_persistedQueries(t *testing.T) {
	node := throwaway.LookPath(t, "node", "nodejs")
	installPackages(t, "clients", "@urql/exchange-persisted")
	p := start(t, map[string]string{"DATA_DIR": t.TempDir()})
	run := exec.CommandContext(t.Context(), node, "persisted.mjs", p.URL)
	run.Dir, run.Stderr = "clients", t.Output()
	out, err := run.Output()
	if err != nil {
		t.Fatal(err)
	}
	ran := 0
	for line := range strings.Lines(string(out)) {
		var result struct {
			Client, Problem string
			Get             bool
			Sent            []string
		}
		if err := json.Unmarshal([]byte(line), &result); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		ran++
		want := []string{"POST hash", "POST document", "POST document"}
		if result.Get {
			want[0] = "GET hash"
			if result.Client == "urql" {
				want[1] = "GET document"
			}
		}
		if result.Problem != "" || !slices.Equal(result.Sent, want) {
			t.Errorf("%s, by GET %t: %s; sent %q, want %q", result.Client, result.Get, result.Problem, result.Sent, want)
		}
	}
	if ran != 4 {
		t.Errorf("%d cases ran, want 4", ran)
	}
}
