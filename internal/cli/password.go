package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/urfave/cli/v3"
	"golang.org/x/term"
)

// maxPasswordBytes is more than any password may have.
const maxPasswordBytes = 64 << 10

// readPassword takes a password from --password-file, from a terminal, or from
// what is piped in; never from an argument, which everybody on the machine
// sees.
func (p Program) readPassword(ctx context.Context, cmd *cli.Command) (string, error) {
	switch path := cmd.String("password-file"); {
	case path != "" && path != "-":
		f, err := os.Open(path)
		if err != nil {
			return "", usage("--password-file: %w", err)
		}
		defer func() { _ = f.Close() }() // only read
		return firstLine(f, "--password-file")
	case path == "" && isTerminal(p.In):
		return p.askPassword(ctx, p.In.(*os.File))
	}
	return firstLine(p.In, "standard input")
}

// firstLine is the one line that there is, without its end.
func firstLine(r io.Reader, where string) (string, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxPasswordBytes))
	if err != nil {
		return "", fmt.Errorf("reading the password from %s: %w", where, err)
	}
	line := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	switch {
	case line == "":
		return "", usage("there is no password in %s: type it at a terminal, pipe it in, or say --password-file", where)
	case strings.ContainsAny(line, "\r\n"):
		return "", usage("the password in %s has more than one line", where)
	}
	return line, nil
}

// askPassword asks twice, without echo: nobody sees what was mistyped.
func (p Program) askPassword(ctx context.Context, tty *os.File) (string, error) {
	first, err := p.prompt(ctx, tty, "Password: ")
	if err != nil {
		return "", err
	}
	again, err := p.prompt(ctx, tty, "The same again: ")
	if err != nil {
		return "", err
	}
	if first != again {
		return "", usage("the two passwords are not the same")
	}
	return first, nil
}

// prompt leaves the terminal as it was, also when the command is interrupted.
func (p Program) prompt(ctx context.Context, tty *os.File, question string) (string, error) {
	before, err := term.GetState(int(tty.Fd()))
	if err != nil {
		return "", fmt.Errorf("asking for the password: %w", err)
	}
	type answer struct {
		text []byte
		err  error
	}
	answered := make(chan answer, 1)
	fmt.Fprint(p.Err, question)
	go func() {
		text, err := term.ReadPassword(int(tty.Fd()))
		answered <- answer{text, err}
	}()
	select {
	case a := <-answered:
		fmt.Fprintln(p.Err) // the one that was not echoed
		if a.err != nil {
			return "", fmt.Errorf("reading the password: %w", a.err)
		}
		return string(a.text), nil
	case <-ctx.Done():
		fmt.Fprintln(p.Err)
		return "", errors.Join(fmt.Errorf("asking for the password: %w", context.Cause(ctx)), term.Restore(int(tty.Fd()), before))
	}
}
