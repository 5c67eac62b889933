// Package cli is the command line of rekey. Each command parses its arguments,
// calls the core and prints the answer. The package owns the words, the output
// and the exit codes; the wiring opens what a command works on.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/urfave/cli/v3"

	"rekey/internal/auth"
	"rekey/internal/doctor"
	"rekey/internal/keyring"
)

// Common holds the options of all commands.
type Common struct {
	JSON    bool   // answer in JSON
	EnvFile string // file to read variables from; empty: .env, if it exists
}

// Opened holds what commands work on, next to running replicas.
type Opened struct {
	Core    *auth.Service
	APIKeys *auth.APIKeys
	Ring    *keyring.Ring // not started
	Close   func() error
}

// Program holds the functions that the commands call.
type Program struct {
	// Begin is called first.
	Begin func(o Common) error
	// Serve runs the service until ctx ends.
	Serve func(ctx context.Context) error
	// Migrate brings the database's schema up to date and returns the number of
	// migrations that it applied.
	Migrate func(ctx context.Context) (int, error)
	// Open opens the database for one command, which closes it.
	Open func(ctx context.Context) (Opened, error)
	// Diagnose checks everything that the service depends on, and changes nothing.
	Diagnose func(ctx context.Context) (doctor.Report, error)
	// Probe requests a path of the service on this machine. It returns nil if
	// the status is 200.
	Probe func(ctx context.Context, path string) error
	// PreviewMail renders a mail with invented data.
	PreviewMail func(kind, locale string) (MailPreview, error)
	// Schema is the GraphQL schema.
	Schema string
	// Licenses returns the licenses of the software of others in the binary.
	Licenses func() (string, error)
	// In is read for a password that is piped in.
	In io.Reader
	// Out receives answers, and Err errors.
	Out, Err io.Writer
}

// Run runs a command line, without the name of the program, and returns the exit
// code. It writes an error to Err.
func Run(ctx context.Context, args []string, p Program) int {
	root := p.root()
	complete(root)
	err := root.Run(ctx, append([]string{"rekey"}, args...))
	if err == nil {
		return ExitOK
	}
	// The flags may be invalid, so --json is found in the arguments.
	if i := slices.Index(args, "--"); i >= 0 {
		args = args[:i]
	}
	report(p.Err, err, slices.Contains(args, "--json"))
	return exitCode(err)
}

func (p Program) root() *cli.Command {
	return &cli.Command{
		Name:  "rekey",
		Usage: "a self-hosted GraphQL auth API: sessions on refresh tokens that are replaced at every use",
		Description: "Environment variables set everything: see docs/configuration.md. Commands read the same settings as\n" +
			"the service; docs/reference/commands.md describes their answers.\n\n" +
			"Example:\n  rekey users list --json\n\n" + explainExits(),
		Writer:         p.Out,
		ErrWriter:      p.Err,
		ExitErrHandler: func(context.Context, *cli.Command, error) {}, // Run handles errors
		Before: func(ctx context.Context, cmd *cli.Command) (context.Context, error) {
			return ctx, p.Begin(Common{JSON: cmd.Bool("json"), EnvFile: cmd.String("env-file")})
		},
		Action: func(ctx context.Context, cmd *cli.Command) error {
			switch {
			case cmd.Args().Present():
				return noCommand(ctx, cmd)
			case cmd.Bool("version"):
				return p.showVersion(ctx, cmd)
			}
			return p.Serve(ctx)
		},
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "json", Usage: "answer in JSON; an error is then the last line on stderr, also in JSON"},
			&cli.BoolFlag{Name: "version", Usage: "print the build, like the command", Local: true},
			&cli.StringFlag{Name: "env-file", Usage: "read variables that are not set from this `FILE`; default: .env, if it exists"},
		},
		Commands: []*cli.Command{
			{
				Name: "serve", Usage: "run the service (the default)",
				Description: "On SIGTERM, SIGINT or SIGHUP, it stops after the requests in flight.\n\nExample:\n  PORT=8080 rekey serve",
				Action:      func(ctx context.Context, _ *cli.Command) error { return p.Serve(ctx) },
			},
			{
				Name: "migrate", Usage: "bring the database's schema up to date",
				Description: "serve does this too; use migrate to do it before.\n\nExample:\n  rekey migrate",
				Action: func(ctx context.Context, cmd *cli.Command) error {
					n, err := p.Migrate(ctx)
					if err != nil {
						return err
					}
					return p.show(cmd, map[string]int{"applied": n}, fmt.Sprintf("%d migrations applied, the schema is up to date\n", n))
				},
			},
			p.health(),
			p.users(),
			p.sessions(),
			p.events(),
			p.apikeys(),
			p.keys(),
			p.mail(),
			p.doctor(),
			{
				Name: "schema", Usage: "print the GraphQL schema, for code generators",
				Description: "Example:\n  rekey schema > schema.graphql",
				Action: func(_ context.Context, cmd *cli.Command) error {
					return p.show(cmd, map[string]string{"schema": p.Schema}, p.Schema)
				},
			},
			{
				Name: "licenses", Usage: "print the licenses of the software in this program that others wrote",
				Description: "Example:\n  rekey licenses | less",
				Action: func(_ context.Context, cmd *cli.Command) error {
					text, err := p.Licenses()
					if err != nil {
						return err
					}
					return p.show(cmd, map[string]string{"licenses": text}, text)
				},
			},
			{
				Name: "version", Usage: "print the build",
				Description: "Example:\n  rekey version --json", Action: p.showVersion,
			},
		},
	}
}

// with opens the database for a command and closes it afterwards.
func (p Program) with(ctx context.Context, do func(o Opened) error) (err error) {
	o, err := p.Open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.Close()) }()
	return do(o)
}
