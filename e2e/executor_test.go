package e2e

import (
	"encoding/json"
	"net/http"
	"os/exec"
	"testing"
	"time"

	"rekey/internal/test/throwaway"
)

// TestClients_subscriptionByGet: the executor of gateways subscribes by GET, with
// its credentials in a header only.
func TestClients_subscriptionByGet(t *testing.T) {
	node := throwaway.LookPath(t, "node", "nodejs")
	installPackages(t, "clients", "@graphql-tools/executor-http")
	p := start(t, map[string]string{"DATA_DIR": t.TempDir(), "RATE_LIMITS": "off", "ACCESS_OVERLAP": "5m"})
	c := httpClient()
	mine := signUp(t, c, p.URL, "ada@example.com")
	run := exec.CommandContext(t.Context(), node, "executor.mjs", p.URL, mine.Access, mine.Refresh)
	run.Dir, run.Stderr = "clients", t.Output()
	lines, _ := pipes(t, run)
	if !lines.Scan() {
		t.Fatal("the program did not start")
	}
	got := make(chan []byte, 1)
	go func() {
		lines.Scan()
		got <- lines.Bytes()
	}()
	for {
		select {
		case line := <-got:
			var result struct {
				Sent []struct {
					Method string
					Secret bool
				}
				Event struct {
					Data struct{ SessionEvents struct{ Kind string } }
				}
			}
			if err := json.Unmarshal(line, &result); err != nil || len(result.Sent) != 1 || result.Sent[0].Method != http.MethodGet ||
				result.Sent[0].Secret || result.Event.Data.SessionEvents.Kind != "ROTATED" {
				t.Errorf("%v, %s", err, line)
			}
			if err := run.Wait(); err != nil {
				t.Error(err)
			}
			return
		case <-time.After(time.Second):
			next, err := refresh(c, graphqlTransport, p.URL, mine.Refresh, "")
			if err != nil || next.Problem != "" {
				t.Fatalf("%+v, %v", next, err)
			}
			mine.Refresh = next.Refresh
		}
	}
}
