package cli_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"rekey/internal/cli"
)

// terminal opens a pseudoterminal: the person's end, and the end that the program
// has as its standard streams.
func terminal(t *testing.T) (person, program *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("there are no pseudoterminals here: ", err)
	}
	t.Cleanup(func() { _ = person.Close() })
	fd := int(person.Fd())
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = program.Close() })
	return person, program
}

var errReached = errors.New("the core was opened")

// The command asks twice for the password, and the terminal shows neither
// answer. If they differ, nothing is opened.
func TestPassword_Terminal(t *testing.T) {
	for name, tt := range map[string]struct {
		second string
		want   string
	}{
		"same":      {"correct horse", errReached.Error()},
		"different": {"correct mouse", "are different"},
	} {
		t.Run(name, func(t *testing.T) {
			person, program := terminal(t)
			shown := &answering{to: person, words: []string{"correct horse", tt.second}}
			code := cli.Run(t.Context(), []string{"users", "add", "--name", "Ada", "--email", "ada@example.com"}, cli.Program{
				Begin: func(cli.Common) error { return nil },
				Open:  func(context.Context) (cli.Opened, error) { return cli.Opened{}, errReached },
				In:    program, Out: program, Err: shown,
			})
			if code == cli.ExitOK || !strings.Contains(shown.String(), tt.want) || strings.Contains(shown.String(), "correct") {
				t.Errorf("exit code %d: %s", code, shown)
			}
			if state, err := unix.IoctlGetTermios(int(program.Fd()), unix.TCGETS); err != nil || state.Lflag&unix.ECHO == 0 {
				t.Errorf("the terminal no longer echoes: %v", err)
			}
		})
	}
}

// answering types a word at each question.
type answering struct {
	bytes.Buffer
	to    *os.File
	words []string
}

func (a *answering) Write(b []byte) (int, error) {
	if strings.HasSuffix(string(b), ": ") && len(a.words) > 0 {
		if _, err := a.to.WriteString(a.words[0] + "\n"); err != nil {
			return 0, err
		}
		a.words = a.words[1:]
	}
	return a.Buffer.Write(b)
}
