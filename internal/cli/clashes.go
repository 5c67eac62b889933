package cli

import (
	"context"

	"github.com/urfave/cli/v3"

	"rekey/internal/auth"
)

// clashes lists accounts. Unlike other lists it has no pages, because an
// installation has few of them.
func (p Program) clashes() *cli.Command {
	list := listCommand(p, &cli.Command{
		Usage: "list accounts that share a mailbox, or have an address that is no longer accepted",
		Description: "Such accounts were added before a rule for addresses. They keep working for those who type the address\n" +
			"as they did at sign-up. Ask their owner which one to keep, and disable the other.\n\n" +
			"Example:\n  rekey users clashes",
	}, listing[auth.EmailClash]{fields: []field[auth.EmailClash]{
		{"ID", "id", func(c auth.EmailClash) any { return c.User.ID }},
		{"EMAIL", "email", func(c auth.EmailClash) any { return c.User.Email }},
		{"", "name", func(c auth.EmailClash) any { return c.User.Name }},
		{"", "emailVerifiedAt", func(c auth.EmailClash) any { return c.User.EmailVerifiedAt }},
		{"CREATED", "createdAt", func(c auth.EmailClash) any { return c.User.CreatedAt }},
		{"", "updatedAt", func(c auth.EmailClash) any { return c.User.UpdatedAt }},
		{"", "disabledAt", func(c auth.EmailClash) any { return c.User.DisabledAt }},
		{"REASON", "reason", func(c auth.EmailClash) any {
			if c.Other == nil {
				return "address is not accepted"
			}
			return "same mailbox"
		}},
		{"", "other", func(c auth.EmailClash) any { return other(c, userListing().object) }},
		{"OTHER ID", "", func(c auth.EmailClash) any { return other(c, func(u auth.User) string { return u.ID }) }},
		{"OTHER EMAIL", "", func(c auth.EmailClash) any { return other(c, func(u auth.User) string { return u.Email }) }},
	}}, func(*cli.Command) (fetch[auth.EmailClash], error) {
		return func(ctx context.Context, o Opened, _ int) ([]auth.EmailClash, error) { return o.Core.EmailClashes(ctx) }, nil
	})
	list.Name = "clashes"
	return list
}

// other returns a fact about the account that has the mailbox, or nil if there is
// no such account.
func other[V any](c auth.EmailClash, fact func(auth.User) V) *V {
	if c.Other == nil {
		return nil
	}
	v := fact(*c.Other)
	return &v
}
