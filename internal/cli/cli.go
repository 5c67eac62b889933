// Package cli is the command line of the one binary: each command is a thin
// caller of the core. It owns words, arguments and exit codes; what a command
// works on is opened by the program that calls it.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/urfave/cli/v3"

	"rekey/internal/auth"
	"rekey/internal/keyring"
)

// Program is what the commands drive.
type Program struct {
	// Serve runs the service until ctx ends.
	Serve func(ctx context.Context) error
	// Migrate brings the database's schema up to date and returns how many
	// migrations it applied.
	Migrate func(ctx context.Context) (int, error)
	// Open opens the core for one command, ready to change things beside
	// running replicas, and returns how to close it.
	Open func(ctx context.Context) (*auth.Service, func() error, error)
	// OpenKeys does so for commands about API keys.
	OpenKeys func(ctx context.Context) (*auth.Keys, func() error, error)
	// OpenRing opens the key ring for one command; it was not looked at yet.
	OpenRing func(ctx context.Context) (*keyring.Ring, func() error, error)
	// Probe asks the service that runs here for its health at a path; nil when
	// it answers that all is well.
	Probe func(ctx context.Context, path string) error
	// Out and Err are where answers and complaints go.
	Out, Err io.Writer
}

// Exit codes.
const (
	ExitOK      = 0
	ExitFailure = 1 // the command could not be carried out
	ExitUsage   = 2 // the command line is wrong
)

// Run carries out a command line (without the program's name) and returns the
// exit code. Errors are written to Err.
func Run(ctx context.Context, args []string, p Program) int {
	ctx = auth.WithClient(ctx, operator()) // for what takes its client from there
	err := p.root().Run(ctx, append([]string{"rekey"}, args...))
	if err == nil {
		return ExitOK
	}
	fmt.Fprintf(p.Err, "rekey: %s\n", describe(err))
	var usage usageError
	if errors.As(err, &usage) {
		return ExitUsage
	}
	return ExitFailure
}

// describe prefers the words meant for people.
func describe(err error) string {
	var e *auth.Error
	if !errors.As(err, &e) {
		return err.Error()
	}
	if cause := e.Unwrap(); cause != nil {
		return e.Message + ": " + cause.Error()
	}
	return e.Message
}

type usageError struct{ error }

func (p Program) root() *cli.Command {
	return &cli.Command{
		Name:           "rekey",
		Usage:          "a self-hosted GraphQL auth API: sessions on refresh tokens that are replaced at every use",
		Description:    "Settings come from the environment: see docs/configuration.md.",
		Writer:         p.Out,
		ErrWriter:      p.Err,
		ExitErrHandler: func(context.Context, *cli.Command, error) {}, // Run decides
		OnUsageError:   onUsageError,
		Action:         p.serveOrUnknown,
		Commands: []*cli.Command{
			{Name: "serve", Usage: "run the service (the default)", OnUsageError: onUsageError, Action: p.serve},
			{Name: "migrate", Usage: "bring the database's schema up to date", OnUsageError: onUsageError, Action: p.migrate},
			p.health(),
			p.users(),
			p.sessions(),
			p.apikeys(),
			p.keys(),
		},
	}
}

func onUsageError(_ context.Context, _ *cli.Command, err error, _ bool) error {
	return usageError{err}
}

func (p Program) serveOrUnknown(ctx context.Context, cmd *cli.Command) error {
	if cmd.Args().Present() {
		return usageError{fmt.Errorf("%q is no command; see rekey --help", cmd.Args().First())}
	}
	return p.Serve(ctx)
}

func (p Program) serve(ctx context.Context, cmd *cli.Command) error {
	if cmd.Args().Present() {
		return usageError{fmt.Errorf("serve takes no arguments")}
	}
	return p.Serve(ctx)
}

func (p Program) migrate(ctx context.Context, _ *cli.Command) error {
	n, err := p.Migrate(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.Out, "%d migrations applied, the schema is up to date\n", n)
	return nil
}
