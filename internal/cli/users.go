package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v3"

	"rekey/internal/auth"
)

func (p Program) users() *cli.Command {
	return &cli.Command{
		Name:         "users",
		Usage:        "administer users",
		OnUsageError: onUsageError,
		Action: func(context.Context, *cli.Command) error {
			return usageError{fmt.Errorf("users: say disable or enable; see rekey users --help")}
		},
		Commands: []*cli.Command{
			{Name: "disable", Usage: "bar a user and end all of its sessions", ArgsUsage: "EMAIL", OnUsageError: onUsageError, Action: p.disableUser},
			{Name: "enable", Usage: "let a disabled user log in again", ArgsUsage: "EMAIL", OnUsageError: onUsageError, Action: p.enableUser},
		},
	}
}

func (p Program) disableUser(ctx context.Context, cmd *cli.Command) error {
	return p.withUser(ctx, cmd, func(core *auth.Service, email string) error {
		ended, err := core.DisableUser(ctx, email, operator())
		if err != nil {
			return err
		}
		fmt.Fprintf(p.Out, "%s is disabled, %d sessions ended\n", email, ended)
		return nil
	})
}

func (p Program) enableUser(ctx context.Context, cmd *cli.Command) error {
	return p.withUser(ctx, cmd, func(core *auth.Service, email string) error {
		if err := core.EnableUser(ctx, email, operator()); err != nil {
			return err
		}
		fmt.Fprintf(p.Out, "%s is enabled\n", email)
		return nil
	})
}

// withUser opens the core for a command whose one argument is an e-mail address.
func (p Program) withUser(ctx context.Context, cmd *cli.Command, do func(*auth.Service, string) error) (err error) {
	if cmd.Args().Len() != 1 {
		return usageError{fmt.Errorf("users %s takes one argument, the e-mail address", cmd.Name)}
	}
	core, closeCore, err := p.Open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeCore()) }()
	return do(core, cmd.Args().First())
}
