package e2e

import (
	"database/sql"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestReadme runs the lines of README.md in one shell and compares the output
// with the page. An hour passes for the session between two steps, because
// readers take their time. REUSE_WINDOW is a minute here and not ten seconds,
// because it must hold within a step on a slow machine.
func TestReadme(t *testing.T) {
	dir := t.TempDir()
	p := start(t, map[string]string{"DATA_DIR": dir, "REUSE_WINDOW": "1m"})
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	steps := regexp.MustCompile("(?s)```sh\n(.*?)```\n(?:```(?:json|text)\n(.*?)```)?").FindAllStringSubmatch(string(readme), -1)
	if len(steps) < 10 {
		t.Fatalf("%d steps in README.md", len(steps))
	}
	sh := startShell(t)
	for i, step := range steps {
		got := sh.run(t, strings.ReplaceAll(step[1], "http://localhost:8080", p.URL))
		if got, want := normalize(got), normalize(step[2]); got != want {
			t.Fatalf("step %d:\n%s\nprints\n%s\nwant\n%s", i+1, step[1], got, want)
		}
		anHourPasses(t, dir)
	}
}

// TestReadme_commands runs the commands for operators in README.md, with the
// binary in place of "go run .", and the alternatives named in their comments.
func TestReadme_commands(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"DATA_DIR": t.TempDir()}
	ask(t, env, "", "migrate")
	ask(t, env, password, "users", "add", "--name", "Ada", "--email", "ada@example.com")
	_, operating, _ := strings.Cut(string(readme), "Commands read the same settings as the service.")
	lines := regexp.MustCompile(`(?m)^    go run \. ([^#\n]+?) *(?:# and ([^;\n]+);.*|#.*)?$`).FindAllStringSubmatch(operating, -1)
	if len(lines) < 6 {
		t.Fatalf("%d commands in README.md", len(lines))
	}
	for _, line := range lines {
		for _, command := range append([]string{line[1]}, strings.Split(line[2], ", ")...) {
			if command == "" {
				continue
			}
			if a := ask(t, env, "", strings.Fields(command)...); a.code != 0 {
				t.Errorf("%s: %+v", command, a)
			}
		}
	}
}

// anHourPasses shifts each session of the directory's database an hour into the
// past.
func anHourPasses(t *testing.T, dir string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "rekey.db")+"?_pragma=busy_timeout(60000)")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.ExecContext(t.Context(), `UPDATE sessions SET rotated_at = rotated_at - 3600000000,
		run_at = run_at - 3600000000, before_run_at = before_run_at - 3600000000`); err != nil {
		t.Fatal(err)
	}
}

// normalize removes everything that differs between runs, and line breaks.
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
