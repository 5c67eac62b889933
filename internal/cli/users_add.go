package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/urfave/cli/v3"

	"rekey/internal/auth"
)

func (p Program) usersAdd() *cli.Command {
	return &cli.Command{
		Name: "add", Usage: "make an account",
		Description: "The password is asked for at a terminal, without echo; otherwise it is read from standard input,\n" +
			"or from a file. It is never an argument, which everybody on the machine could see.\n\n" +
			"Examples:\n  rekey users add --name Ada --email ada@example.com\n" +
			"  rekey users add --name Ada --email ada@example.com --password-file /run/secrets/ada",
		OnUsageError: onUsageError, Action: p.addUser,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "name", Usage: "what to call the person", Required: true},
			&cli.StringFlag{Name: "email", Usage: "the e-mail address to log in with", Required: true},
			&cli.StringFlag{Name: "password-file", Usage: "the `FILE` whose one line is the password; - for standard input"},
		},
	}
}

func (p Program) addUser(ctx context.Context, cmd *cli.Command) error {
	if err := noArguments(cmd); err != nil {
		return err
	}
	password, err := p.readPassword(ctx, cmd)
	if err != nil {
		return err
	}
	return p.withCore(ctx, func(core *auth.Service) error {
		u, err := core.AddUser(ctx, auth.AddUserInput{Name: cmd.String("name"), Email: cmd.String("email"), Password: password}, operator())
		if err != nil {
			return err
		}
		return p.show(cmd, viewUser(u), func(w io.Writer) { fmt.Fprintf(w, "%s is added, id %s\n", u.Email, u.ID) })
	})
}
