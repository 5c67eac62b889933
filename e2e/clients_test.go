package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"testing"

	"rekey/internal/test/throwaway"
)

// outcome is one line of output of clients/clients.mjs: the result of a
// scenario, or an event.
type outcome struct{ Client, Scenario, Problem, Event string }

// TestClients: the recipes of docs/clients work with popular clients in every
// situation that a session must survive. The last one is an outage.
func TestClients(t *testing.T) {
	const outcomes = 4*(13+3) + 2*(4+3) // clients by scenarios, and by steps of the outage
	node := throwaway.LookPath(t, "node", "nodejs")
	installPackages(t, "clients", "@urql/core")
	dependOn(t, "../docs/clients/*.mjs")
	database := throwaway.StartPostgres(t)
	env := map[string]string{
		"DATABASE_URL": database.URL(), "DATA_DIR": t.TempDir(), "ACCESS_TTL": "5s", "REUSE_WINDOW": "1h",
		"RATE_LIMITS": "off", "LOG_LEVEL": "warn",
	}
	p := start(t, env)
	env["ACCESS_TTL"] = "20s"
	patient := start(t, env)
	env["REUSE_WINDOW"] = "0s"
	strict := start(t, env)
	run := exec.CommandContext(t.Context(), node, "--import", "./resolve.mjs", "clients.mjs", p.URL, patient.URL, strict.URL)
	run.Dir = "clients"
	run.Stderr = t.Output()
	lines, say := pipes(t, run)
	ran := 0
	for lines.Scan() {
		var line outcome
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatalf("%q: %v", lines.Bytes(), err)
		}
		switch line.Event {
		case "ready":
			database.Kill()
			awaitReady(t, p, http.StatusServiceUnavailable)
			tell(t, say, "down")
		case "refused":
			database.Restart()
			awaitReady(t, p, http.StatusOK)
			tell(t, say, "up")
		default:
			ran++
			t.Run(line.Client+"/"+line.Scenario, func(t *testing.T) {
				if line.Problem != "" {
					t.Error(line.Problem)
				}
			})
		}
	}
	if err := run.Wait(); err != nil {
		t.Error(err)
	}
	if ran != outcomes {
		t.Errorf("%d scenarios ran, want %d", ran, outcomes)
	}
}

// pipes starts a program and returns its output, line by line, and its input.
func pipes(t *testing.T, run *exec.Cmd) (*bufio.Scanner, io.Writer) {
	t.Helper()
	out, err := run.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	in, err := run.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	return bufio.NewScanner(out), in
}

func tell(t *testing.T, to io.Writer, word string) {
	t.Helper()
	if _, err := fmt.Fprintln(to, word); err != nil {
		t.Fatal(err)
	}
}

func awaitReady(t *testing.T, p *process, status int) {
	t.Helper()
	readyUntil(t, httpClient(), p.URL, func(r readiness) bool { return r.code == status })
}
