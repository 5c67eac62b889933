package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/urfave/cli/v3"
)

// deletedUser is the JSON answer of delete.
type deletedUser struct {
	User     string    `json:"user"` // as in the argument
	ErasedAt time.Time `json:"erasedAt"`
}

func (p Program) deleteUser() *cli.Command {
	return &cli.Command{
		Name: "delete", Usage: "delete an account, as its owner could", ArgsUsage: "EMAIL|ID",
		Description: "It revokes all sessions at once, mails a link that keeps the account, and erases the data after\n" +
			"DELETION_GRACE. A link that undoes a change of the address delays the erasure until it expires.\n\n" +
			"Examples:\n  rekey users delete ada@example.com\n  rekey users delete --now ada@example.com",
		Flags: []cli.Flag{&cli.BoolFlag{Name: "now", Usage: "erase the data at once, also of an account that is being deleted already"}},
		Action: func(ctx context.Context, cmd *cli.Command) error {
			return p.with(ctx, func(o Opened) error {
				user := cmd.Args().First()
				at, err := o.Core.DeleteUser(ctx, user, cmd.Bool("now"), operator())
				if err != nil {
					return err
				}
				text := fmt.Sprintf("the sessions of %s are revoked; the data is erased at %s\n", user, at.UTC().Format(time.RFC3339))
				return p.show(cmd, deletedUser{user, at}, text)
			})
		},
	}
}
