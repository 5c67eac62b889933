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

// maxPasswordBytes is more than the longest password that the core accepts.
const maxPasswordBytes = 64 << 10

// readPassword reads a password from --password-file, from the terminal, or from
// standard input.
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

// firstLine returns the only line of r, without the line break.
func firstLine(r io.Reader, where string) (string, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxPasswordBytes))
	if err != nil {
		return "", fmt.Errorf("reading the password from %s: %w", where, err)
	}
	line := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	switch {
	case line == "":
		return "", usage("there is no password in %s: type it at a terminal, pipe it in, or use --password-file", where)
	case strings.ContainsAny(line, "\r\n"):
		return "", usage("the password in %s has more than one line", where)
	}
	return line, nil
}

// askPassword asks twice, because a typing error is not visible without echo.
func (p Program) askPassword(ctx context.Context, tty *os.File) (string, error) {
	first, err := p.prompt(ctx, tty, "Password: ")
	if err != nil {
		return "", err
	}
	again, err := p.prompt(ctx, tty, "Repeat the password: ")
	if err != nil {
		return "", err
	}
	if first != again {
		return "", usage("the two passwords are different")
	}
	return first, nil
}

// prompt reads a line without echo. It restores the terminal even if the command
// is interrupted.
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
		fmt.Fprintln(p.Err) // the line break was not echoed
		if a.err != nil {
			return "", fmt.Errorf("reading the password: %w", a.err)
		}
		return string(a.text), nil
	case <-ctx.Done():
		fmt.Fprintln(p.Err)
		return "", errors.Join(fmt.Errorf("asking for the password: %w", context.Cause(ctx)), term.Restore(int(tty.Fd()), before))
	}
}
