package cli

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v3"
)

const emailAndNew = "EMAIL|ID NEW"

// userEmail returns the commands about the address of a user. No command sets the
// password of an existing account: send-reset lets its owner choose one.
func (p Program) userEmail() []*cli.Command {
	return []*cli.Command{
		{
			Name: "set-email", Usage: "replace the address of a user and revoke all sessions", ArgsUsage: emailAndNew, Action: p.setEmail,
			Description: "The new address is not verified. The former one gets a mail about it. All links and codes that were\n" +
				"mailed become invalid, also those that undo a change of the address.\n\nExample:\n  rekey users set-email ada@example.com ada@example.org",
		},
		{
			Name: "verify-email", Usage: "mark the address of a user as verified", ArgsUsage: "EMAIL|ID", Action: p.verifyEmail,
			Description: "For an address that you have checked yourself. It revokes nothing.\n\nExample:\n  rekey users verify-email ada@example.com",
		},
		{
			Name: "send-reset", Usage: "mail a user a link that sets a new password", ArgsUsage: "EMAIL|ID", Action: p.sendReset,
			Description: "The server sends the mail. Nothing changes until the user opens the link and chooses a password.\n\n" +
				"Example:\n  rekey users send-reset ada@example.com",
		},
	}
}

func (p Program) setEmail(ctx context.Context, cmd *cli.Command) error {
	return p.with(ctx, func(o Opened) error {
		user, email := cmd.Args().Get(0), cmd.Args().Get(1)
		n, err := o.Core.SetEmail(ctx, user, email, operator())
		if err != nil {
			return err
		}
		return p.show(cmd, struct {
			User  string `json:"user"` // as in the argument
			Email string `json:"email"`
			Ended int    `json:"ended"` // number of revoked sessions
		}{user, email, n}, fmt.Sprintf("%s has the address %s, %d sessions revoked\n", user, email, n))
	})
}

func (p Program) verifyEmail(ctx context.Context, cmd *cli.Command) error {
	return p.with(ctx, func(o Opened) error {
		user := cmd.Args().First()
		changed, err := o.Core.MarkEmailVerified(ctx, user, operator())
		if err != nil {
			return err
		}
		text := "the address of %s is verified\n"
		if !changed {
			text = "the address of %s was verified already\n"
		}
		return p.show(cmd, struct {
			User    string `json:"user"`
			Changed bool   `json:"changed"`
		}{user, changed}, fmt.Sprintf(text, user))
	})
}

func (p Program) sendReset(ctx context.Context, cmd *cli.Command) error {
	return p.with(ctx, func(o Opened) error {
		user := cmd.Args().First()
		if err := o.Core.SendReset(ctx, user, operator()); err != nil {
			return err
		}
		return p.show(cmd, struct {
			User string `json:"user"`
			Sent bool   `json:"queued"`
		}{user, true}, "a mail to "+user+" is in the outbox\n")
	})
}
