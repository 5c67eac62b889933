package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/urfave/cli/v3"

	"rekey/internal/auth"
)

func (p Program) users() *cli.Command {
	return group("users", "administer users", "rekey users list --email @example.com", append([]*cli.Command{
		{
			Name: "add", Usage: "create an account", Action: p.addUser,
			Description: "It reads the password from the terminal without echo, or from standard input or a file. The password\n" +
				"is never an argument, because every user of the machine can see those.\n\n" +
				"Examples:\n  rekey users add --name Ada --email ada@example.com\n" +
				"  rekey users add --name Ada --email ada@example.com --password-file /run/secrets/ada",
			Flags: []cli.Flag{
				&cli.StringFlag{Name: "name", Usage: "the person's name", Required: true},
				&cli.StringFlag{Name: "email", Usage: "the e-mail address to log in with", Required: true},
				&cli.StringFlag{Name: "password-file", Usage: "`FILE` that contains the password as its only line; - for standard input"},
			},
		},
		listCommand(p, &cli.Command{
			Usage: "list users, oldest first",
			Description: "It lists one page; the last line shows how to list the next one.\n\n" +
				"Examples:\n  rekey users list --email @example.com\n  rekey users list --disabled --json",
			Flags: filterFlags(limitFlag("USERS", 50), afterFlag("user")),
		}, userListing(), func(cmd *cli.Command) (fetch[auth.User], error) {
			return func(ctx context.Context, o Opened, limit int) ([]auth.User, error) {
				return o.Core.Users(ctx, filterOf(cmd), limit)
			}, nil
		}),
		p.clashes(),
		{
			Name: "export", Usage: "write all users, or all data of one, as JSON", Action: p.exportUsers,
			Description: "It reads a thousand users at a time, in the order of sign-up, and includes those who sign up meanwhile.\n" +
				"The export contains names and addresses of people: protect it like the database.\n\n" +
				"Without --all-of, each user is one line. With it, the output is one object with all that is stored about a person: the account, sessions, mailed links,\n" +
				"mails that wait, and the journal, without hashes and secrets.\n\n" +
				"Examples:\n  (umask 077 && rekey users export > users.jsonl)\n  rekey users export --disabled | jq -r .email\n  rekey users export --all-of ada@example.com",
			Flags: filterFlags(
				&cli.BoolFlag{Name: "with-hashes", Usage: "include the password hashes, to move to another service; anyone who has them can guess passwords"},
				&cli.StringFlag{Name: "all-of", Usage: "everything that is stored about `EMAIL|ID`, to answer the person's request"},
				progressFlag(),
			),
		},
		p.deleteUser(),
		{
			Name: "disable", Usage: "disable a user and revoke all sessions", ArgsUsage: "EMAIL|ID", Action: p.disableUser,
			Description: "When it returns, no token of the user works.\n\nExample:\n  rekey users disable ada@example.com",
		},
		{
			Name: "enable", Usage: "let a disabled user log in again", ArgsUsage: "EMAIL|ID", Action: p.enableUser,
			Description: "Revoked sessions stay revoked.\n\nExample:\n  rekey users enable ada@example.com",
		},
	}, p.userEmail()...)...)
}

func userListing() listing[auth.User] {
	return listing[auth.User]{
		name: "users", id: func(u auth.User) string { return u.ID },
		fields: []field[auth.User]{
			{"ID", "id", func(u auth.User) any { return u.ID }},
			{"EMAIL", "email", func(u auth.User) any { return u.Email }},
			{"NAME", "name", func(u auth.User) any { return u.Name }},
			{"", "emailVerifiedAt", func(u auth.User) any { return u.EmailVerifiedAt }},
			{"CREATED", "createdAt", func(u auth.User) any { return u.CreatedAt }},
			{"", "updatedAt", func(u auth.User) any { return u.UpdatedAt }},
			{"DISABLED", "disabledAt", func(u auth.User) any { return u.DisabledAt }},
			{"", "deleteAt", func(u auth.User) any { return u.DeleteAt }},
		},
	}
}

func filterFlags(more ...cli.Flag) []cli.Flag {
	return append([]cli.Flag{
		&cli.StringFlag{Name: "email", Usage: "only users whose address contains this `PART`, such as @example.com"},
		&cli.BoolFlag{Name: "disabled", Usage: "only disabled users; with --disabled=false only the others"},
	}, more...)
}

func filterOf(cmd *cli.Command) auth.UserFilter {
	f := auth.UserFilter{Email: cmd.String("email"), After: cmd.String("after")}
	if cmd.IsSet("disabled") {
		disabled := cmd.Bool("disabled")
		f.Disabled = &disabled
	}
	return f
}

func (p Program) addUser(ctx context.Context, cmd *cli.Command) error {
	password, err := p.readPassword(ctx, cmd)
	if err != nil {
		return err
	}
	return p.with(ctx, func(o Opened) error {
		u, err := o.Core.AddUser(ctx, auth.AddUserInput{Name: cmd.String("name"), Email: cmd.String("email"), Password: password}, operator())
		if err != nil {
			return err
		}
		return p.show(cmd, userListing().object(u), fmt.Sprintf("%s is added, id %s\n", u.Email, u.ID))
	})
}

func (p Program) exportUsers(ctx context.Context, cmd *cli.Command) error {
	if cmd.IsSet("all-of") {
		return p.exportPerson(ctx, cmd)
	}
	hashes, detail := cmd.Bool("with-hashes"), ""
	if hashes {
		detail = "with password hashes"
	}
	return p.with(ctx, func(o Opened) error {
		out := bufio.NewWriter(p.Out)
		lines, progress, done := json.NewEncoder(out), p.progress(cmd, "users"), 0
		n, err := o.Core.ExportUsers(ctx, filterOf(cmd), detail, operator(), func(u auth.User) error {
			line := userListing().object(u)
			if hashes {
				line = append(line, member{"passwordHash", u.PasswordHash})
			}
			done++
			progress(done)
			return lines.Encode(line)
		})
		if err = errors.Join(err, out.Flush()); err != nil {
			return fmt.Errorf("the export is incomplete, %d users were read: %w", n, err)
		}
		return nil
	})
}

// changedUser is the JSON answer of disable and enable.
type changedUser struct {
	User     string `json:"user"` // as in the argument
	Disabled bool   `json:"disabled"`
	Ended    *int   `json:"ended,omitempty"` // number of revoked sessions
}

func (p Program) disableUser(ctx context.Context, cmd *cli.Command) error {
	return p.with(ctx, func(o Opened) error {
		user := cmd.Args().First()
		n, err := o.Core.DisableUser(ctx, user, operator())
		if err != nil {
			return err
		}
		return p.show(cmd, changedUser{user, true, &n}, fmt.Sprintf("%s is disabled, %d sessions revoked\n", user, n))
	})
}

func (p Program) enableUser(ctx context.Context, cmd *cli.Command) error {
	return p.with(ctx, func(o Opened) error {
		user := cmd.Args().First()
		if err := o.Core.EnableUser(ctx, user, operator()); err != nil {
			return err
		}
		return p.show(cmd, changedUser{User: user}, user+" is enabled\n")
	})
}
