// Package cli is the command line of the one binary: each command is a thin
// caller of the core. It owns words, arguments and exit codes; what a command
// works on is opened by the program that calls it.
package cli

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/urfave/cli/v3"

	"rekey/internal/auth"
	"rekey/internal/doctor"
	"rekey/internal/keyring"
)

// Common is what all commands take.
type Common struct {
	JSON    bool   // answer in JSON
	EnvFile string // to take variables from; empty: .env, if there is one
}

// Program is what the commands drive.
type Program struct {
	// Begin is called first.
	Begin func(o Common) error
	// Serve runs the service until ctx ends.
	Serve func(ctx context.Context) error
	// Migrate brings the database's schema up to date and returns how many
	// migrations it applied.
	Migrate func(ctx context.Context) (int, error)
	// Open opens the core for one command, ready to change things beside
	// running replicas, and returns how to close it.
	Open func(ctx context.Context) (*auth.Service, func() error, error)
	// OpenAPIKeys does so for commands about API keys.
	OpenAPIKeys func(ctx context.Context) (*auth.APIKeys, func() error, error)
	// OpenRing opens the key ring for one command; it was not looked at yet.
	OpenRing func(ctx context.Context) (*keyring.Ring, func() error, error)
	// Examine looks at all that the service stands on, and changes nothing.
	Examine func(ctx context.Context) (doctor.Report, error)
	// Probe asks the service that runs here for its health at a path; nil when
	// it answers that all is well.
	Probe func(ctx context.Context, path string) error
	// In is where passwords may be piped in.
	In io.Reader
	// Out and Err are where answers and complaints go.
	Out, Err io.Writer
}

// Run carries out a command line (without the program's name) and returns the
// exit code. Errors are written to Err.
func Run(ctx context.Context, args []string, p Program) int {
	err := p.root().Run(ctx, append([]string{"rekey"}, args...))
	if err == nil {
		return ExitOK
	}
	report(p.Err, err, wantsJSON(args))
	return exitCode(err)
}

// wantsJSON looks for --json where the flags themselves may be wrong.
func wantsJSON(args []string) bool {
	if i := slices.Index(args, "--"); i >= 0 {
		args = args[:i]
	}
	return slices.Contains(args, "--json")
}

func (p Program) root() *cli.Command {
	return &cli.Command{
		Name:  "rekey",
		Usage: "a self-hosted GraphQL auth API: sessions on refresh tokens that are replaced at every use",
		Description: "Settings come from the environment: see docs/configuration.md. Commands take those that the\n" +
			"service has; docs/reference/commands.md describes their answers.\n\n" +
			"Example:\n  rekey users list --json\n\n" + explainExits(),
		Writer:         p.Out,
		ErrWriter:      p.Err,
		ExitErrHandler: func(context.Context, *cli.Command, error) {}, // Run decides
		OnUsageError:   onUsageError,
		Before:         p.begin,
		Action:         p.serveOrUnknown,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "json", Usage: "answer in JSON; an error is then the last line on stderr, in JSON too"},
			&cli.BoolFlag{Name: "version", Usage: "as the command", Local: true},
			&cli.StringFlag{Name: "env-file", Usage: "take variables that are not set from this `FILE`; without it from .env, if there is one"},
		},
		Commands: []*cli.Command{
			{
				Name: "serve", Usage: "run the service (the default)", OnUsageError: onUsageError, Action: p.serve,
				Description: "It ends with SIGTERM or SIGINT, after the requests in flight.\n\nExample:\n  PORT=8080 rekey serve",
			},
			{
				Name: "migrate", Usage: "bring the database's schema up to date", OnUsageError: onUsageError, Action: p.migrate,
				Description: "serve does so itself; this is for those who want it done before.\n\nExample:\n  rekey migrate",
			},
			p.health(),
			p.users(),
			p.sessions(),
			p.events(),
			p.apikeys(),
			p.keys(),
			p.doctor(),
			p.version(),
		},
	}
}

// begin tells the program what all commands take.
func (p Program) begin(ctx context.Context, cmd *cli.Command) (context.Context, error) {
	return ctx, p.Begin(Common{JSON: cmd.Bool("json"), EnvFile: cmd.String("env-file")})
}

func (p Program) serveOrUnknown(ctx context.Context, cmd *cli.Command) error {
	switch {
	case cmd.Args().Present():
		return noCommand(ctx, cmd)
	case cmd.Bool("version"):
		return p.showVersion(ctx, cmd)
	}
	return p.Serve(ctx)
}

func (p Program) serve(ctx context.Context, cmd *cli.Command) error {
	if err := noArguments(cmd); err != nil {
		return err
	}
	return p.Serve(ctx)
}

func (p Program) migrate(ctx context.Context, cmd *cli.Command) error {
	if err := noArguments(cmd); err != nil {
		return err
	}
	n, err := p.Migrate(ctx)
	if err != nil {
		return err
	}
	return p.show(cmd, map[string]int{"applied": n}, func(w io.Writer) {
		fmt.Fprintf(w, "%d migrations applied, the schema is up to date\n", n)
	})
}
