package e2e

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"rekey/internal/test/throwaway"
)

// askPlainly is ask as a user for whom file modes apply. For root it drops the
// capabilities that override them.
func askPlainly(t *testing.T, env map[string]string, args ...string) answered {
	t.Helper()
	if os.Getuid() != 0 {
		return ask(t, env, "", args...)
	}
	if runtime.GOOS != "linux" {
		t.Skip("root's capabilities are dropped on Linux only")
	}
	throwaway.LookPath(t, "setpriv", "util-linux")
	dependOnProgram(t)
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), "setpriv", append([]string{"--bounding-set=-all", "--inh-caps=-all", binary}, args...)...)
	cmd.Env, cmd.Dir = environment(env), t.TempDir()
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		t.Fatal(err)
	}
	return answered{out.String(), errs.String(), cmd.ProcessState.ExitCode()}
}

// TestStart_unwritable: if DATA_DIR is not writable, the error names owner and
// mode, and does not suggest to retry.
func TestStart_unwritable(t *testing.T) {
	for name, tt := range map[string]struct {
		path string // relative to DATA_DIR
		mode os.FileMode
		says string // the message of doctor
	}{
		"directory": {"", 0o500, " has mode 0500"},
		"file":      {"rekey.db", 0o400, "rekey.db: permission denied"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			env := map[string]string{"DATA_DIR": dir}
			start(t, env).terminate()
			path := filepath.Join(dir, tt.path)
			if err := os.Chmod(path, tt.mode); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = os.Chmod(path, 0o700) })
			for _, command := range []string{"serve", "migrate"} {
				a := askPlainly(t, env, command)
				if a.code != 3 || !strings.Contains(a.err, "must be writable for uid") || !strings.Contains(a.err, "chmod") || strings.Contains(a.err, "try again") {
					t.Errorf("%s: %+v", command, a)
				}
			}
			a := askPlainly(t, env, "doctor")
			if a.code != 1 || !strings.Contains(a.out, tt.says) || strings.Contains(a.out, "ok       files: "+dir+" has mode 0500") ||
				strings.Contains(a.out, "503") || !strings.Contains(a.out, "chmod") {
				t.Errorf("%+v", a)
			}
		})
	}
}

// TestDoctor_refused: a database role that does not exist prevents the start.
func TestDoctor_refused(t *testing.T) {
	env := map[string]string{"DATABASE_URL": wrongPassword(t), "DATA_DIR": t.TempDir()}
	for _, f := range examine(t, env).Findings {
		if f.Check == "database" && (f.Status != "failed" || strings.Contains(*f.Advice, "503") || !strings.Contains(*f.Advice, "does not start")) {
			t.Errorf("%+v: %s", f, *f.Advice)
		}
	}
}
