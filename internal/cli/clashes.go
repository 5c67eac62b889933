package cli

import (
	"context"

	"github.com/urfave/cli/v3"

	"rekey/internal/auth"
)

// clashView is the JSON form of an account whose address breaks a newer rule.
type clashView struct {
	userView
	Reason string    `json:"reason"`
	Other  *userView `json:"other,omitempty"` // the account that has the mailbox
}

// clashes lists accounts. Unlike other lists it has no pages, because an
// installation has few of them.
func (p Program) clashes() *cli.Command {
	list := listCommand(p, &cli.Command{
		Usage: "list accounts that share a mailbox, or have an address that is no longer accepted",
		Description: "Such accounts were added before a rule for addresses. They keep working for those who type the address\n" +
			"as they did at sign-up. Ask their owner which one to keep, and disable the other.\n\n" +
			"Example:\n  rekey users clashes",
	}, listing[auth.EmailClash, clashView]{
		columns: []string{"ID", "EMAIL", "CREATED", "REASON", "OTHER ID", "OTHER EMAIL"},
		view: func(c auth.EmailClash) clashView {
			v := clashView{userView: viewUser(c.User), Reason: "address is not accepted"}
			if c.Other != nil {
				other := viewUser(*c.Other)
				v.Reason, v.Other = "same mailbox", &other
			}
			return v
		},
		cells: func(v clashView) []string {
			var other userView
			if v.Other != nil {
				other = *v.Other
			}
			return []string{v.ID, v.Email, moment(&v.CreatedAt), v.Reason, other.ID, other.Email}
		},
	}, func(*cli.Command) (fetch[auth.EmailClash], error) {
		return func(ctx context.Context, o Opened, _ int) ([]auth.EmailClash, error) { return o.Core.EmailClashes(ctx) }, nil
	})
	list.Name = "clashes"
	return list
}
