package cli_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"rekey/internal/cli"
)

// control calls ioctl with a value for the request to read or write.
func control(f *os.File, request uintptr, value unsafe.Pointer) error {
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), request, uintptr(value)); errno != 0 {
		return errno
	}
	return nil
}

// terminal opens a pseudoterminal: the person's end, and the end that the program
// has as its standard streams.
func terminal(t *testing.T) (person, program *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("there are no pseudoterminals here: ", err)
	}
	t.Cleanup(func() { _ = person.Close() })
	var number, unlocked int32
	if err = control(person, syscall.TIOCGPTN, unsafe.Pointer(&number)); err == nil {
		err = control(person, syscall.TIOCSPTLCK, unsafe.Pointer(&unlocked))
	}
	if err == nil {
		program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
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
			var state syscall.Termios
			if err := control(program, syscall.TCGETS, unsafe.Pointer(&state)); err != nil || state.Lflag&syscall.ECHO == 0 {
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
