package e2e

import (
	"bufio"
	"io"
	"os/exec"
	"strings"
	"testing"

	"rekey/internal/test/throwaway"
)

// shell is a bash that a user pastes lines into. It exits after the first
// command that fails.
type shell struct {
	in  io.Writer
	out *bufio.Reader
}

func startShell(t *testing.T) *shell {
	t.Helper()
	throwaway.LookPath(t, "curl", "curl")
	cmd := exec.CommandContext(t.Context(), throwaway.LookPath(t, "bash", "bash"), "-eu")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = in.Close(), cmd.Wait() })
	return &shell{in, bufio.NewReader(out)}
}

// run runs lines and returns their output.
func (s *shell) run(t *testing.T, lines string) string {
	t.Helper()
	// curl's output ends without a line break.
	if _, err := io.WriteString(s.in, lines+"\necho; echo @@@\n"); err != nil {
		t.Fatal(err)
	}
	var printed strings.Builder
	for {
		line, err := s.out.ReadString('\n')
		if line == "@@@\n" {
			return printed.String()
		}
		printed.WriteString(line)
		if err != nil {
			t.Fatalf("%v: %s\nprinted\n%s", err, lines, &printed)
		}
	}
}
