package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/urfave/cli/v3"

	"rekey/internal/auth"
)

func (p Program) users() *cli.Command {
	return group("users", "administer users", "Example:\n  rekey users list --email @example.com",
		p.usersAdd(), p.usersList(), p.usersExport(),
		&cli.Command{
			Name: "disable", Usage: "bar a user and end all of its sessions", ArgsUsage: "EMAIL|ID",
			Description:  "By the time it returns, no token of the user works.\n\nExample:\n  rekey users disable ada@example.com",
			OnUsageError: onUsageError, Action: p.disableUser,
		},
		&cli.Command{
			Name: "enable", Usage: "let a disabled user log in again", ArgsUsage: "EMAIL|ID",
			Description:  "Sessions that were ended stay ended.\n\nExample:\n  rekey users enable ada@example.com",
			OnUsageError: onUsageError, Action: p.enableUser,
		},
	)
}

func (p Program) disableUser(ctx context.Context, cmd *cli.Command) error {
	return p.withUser(ctx, cmd, func(core *auth.Service, who string) error {
		ended, err := core.DisableUser(ctx, who, operator())
		if err != nil {
			return err
		}
		return p.show(cmd, changed{User: who, Disabled: true, Ended: &ended}, func(w io.Writer) {
			fmt.Fprintf(w, "%s is disabled, %d sessions ended\n", who, ended)
		})
	})
}

// changed is the answer of disable and enable.
type changed struct {
	User     string `json:"user"` // as it was given
	Disabled bool   `json:"disabled"`
	Ended    *int   `json:"ended,omitempty"` // sessions
}

func (p Program) enableUser(ctx context.Context, cmd *cli.Command) error {
	return p.withUser(ctx, cmd, func(core *auth.Service, who string) error {
		if err := core.EnableUser(ctx, who, operator()); err != nil {
			return err
		}
		return p.show(cmd, changed{User: who}, func(w io.Writer) { fmt.Fprintf(w, "%s is enabled\n", who) })
	})
}

// withUser opens the core for a command whose one argument is a user.
func (p Program) withUser(ctx context.Context, cmd *cli.Command, do func(core *auth.Service, who string) error) error {
	if cmd.Args().Len() != 1 {
		return usage("users %s takes one argument, the e-mail address or the id; see %s --help", cmd.Name, cmd.FullName())
	}
	return p.withCore(ctx, func(core *auth.Service) error { return do(core, cmd.Args().First()) })
}

// withCore opens the core for a command.
func (p Program) withCore(ctx context.Context, do func(core *auth.Service) error) (err error) {
	core, closeCore, err := p.Open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeCore()) }()
	return do(core)
}
