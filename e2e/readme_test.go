package e2e

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"rekey/internal/throwaway"
)

// TestReadme runs the lines of README.md as they are printed, in one shell,
// and compares what they print.
func TestReadme(t *testing.T) {
	bash := throwaway.LookPath(t, "bash", "bash")
	throwaway.LookPath(t, "curl", "curl")
	p := start(t, map[string]string{"DATA_DIR": t.TempDir(), "REUSE_WINDOW": "1h"}) // a machine may be slow
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	steps := regexp.MustCompile("(?s)```sh\n(.*?)```\n(?:```json\n(.*?)```)?").FindAllStringSubmatch(string(readme), -1)
	if len(steps) < 9 {
		t.Fatalf("%d steps in README.md", len(steps))
	}
	var script strings.Builder
	for _, step := range steps {
		// Each command of a step prints a line; curl ends its own with none.
		script.WriteString(strings.ReplaceAll(step[1], "http://localhost:8080", p.URL) + "echo; echo @@@\n")
	}
	cmd := exec.CommandContext(t.Context(), bash, "-eu", "-c", script.String())
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	outputs := strings.Split(string(out), "@@@\n")
	for i, step := range steps {
		if got, want := normalize(outputs[i]), normalize(step[2]); got != want {
			t.Errorf("step %d:\n%s\nprints\n%s\nwant\n%s", i+1, step[1], got, want)
		}
	}
}

// normalize leaves out what differs from run to run, and where lines end.
func normalize(s string) string {
	for _, r := range []struct{ pattern, with string }{
		{`eyJ[\w-]+\.[\w-]+\.[\w-]+`, "eyJ…"},
		{`"requestId":"[^"]+"`, `"requestId":"…"`},
		{`\b\d{10}\b`, "1790000000"},
		{`\s*\n\s*`, ""},
	} {
		s = regexp.MustCompile(r.pattern).ReplaceAllString(s, r.with)
	}
	return s
}
