package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/urfave/cli/v3"

	"rekey/internal/auth"
)

func (p Program) usersList() *cli.Command {
	return &cli.Command{
		Name: "list", Usage: "list users, oldest first",
		Description: "A page at a time: the last line says how to see the next one.\n\n" +
			"Examples:\n  rekey users list --email @example.com\n  rekey users list --disabled --json",
		OnUsageError: onUsageError, Action: p.listUsers,
		Flags: filterFlags(
			&cli.IntFlag{Name: "limit", Usage: "most `USERS` to list, 1 to 1000", Value: 50},
			&cli.StringFlag{Name: "after", Usage: "go on after the user of this `ID`"},
		),
	}
}

func filterFlags(more ...cli.Flag) []cli.Flag {
	return append([]cli.Flag{
		&cli.StringFlag{Name: "email", Usage: "only those whose address has this `PART`, such as @example.com"},
		&cli.BoolFlag{Name: "disabled", Usage: "only those who are disabled; --disabled=false: who are not"},
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

// userView is a user as scripts see it, in the words of the GraphQL schema.
type userView struct {
	ID              string     `json:"id"`
	Name            string     `json:"name"`
	Email           string     `json:"email"`
	EmailVerifiedAt *time.Time `json:"emailVerifiedAt"`
	CreatedAt       time.Time  `json:"createdAt"`
	UpdatedAt       time.Time  `json:"updatedAt"`
	DisabledAt      *time.Time `json:"disabledAt"`
	PasswordHash    string     `json:"passwordHash,omitempty"`
}

func viewUser(u auth.User) userView {
	return userView{
		ID: u.ID, Name: u.Name, Email: u.Email, EmailVerifiedAt: u.EmailVerifiedAt,
		CreatedAt: u.CreatedAt, UpdatedAt: u.UpdatedAt, DisabledAt: u.DisabledAt,
	}
}

// userPage is a page of users. EndCursor goes into --after; it is null on the
// last page.
type userPage struct {
	Users     []userView `json:"users"`
	EndCursor *string    `json:"endCursor"`
}

func (p Program) listUsers(ctx context.Context, cmd *cli.Command) error {
	if err := noArguments(cmd); err != nil {
		return err
	}
	limit, filter := cmd.Int("limit"), filterOf(cmd)
	if limit < 1 || limit > 1000 {
		return usage("--limit takes a number from 1 to 1000")
	}
	if _, ok := auth.ParseID(filter.After); filter.After != "" && !ok {
		return usage("--after takes the id of a user")
	}
	return p.withCore(ctx, func(core *auth.Service) error {
		users, err := core.Users(ctx, filter, limit+1)
		if err != nil {
			return err
		}
		page := userPage{Users: []userView{}}
		if len(users) > limit {
			users = users[:limit]
			page.EndCursor = &users[limit-1].ID
		}
		for _, u := range users {
			page.Users = append(page.Users, viewUser(u))
		}
		return p.show(cmd, page, page.write)
	})
}

func (page userPage) write(w io.Writer) {
	lines := []string{row("ID", "EMAIL", "NAME", "CREATED", "DISABLED")}
	for _, u := range page.Users {
		lines = append(lines, row(u.ID, u.Email, u.Name, moment(&u.CreatedAt), moment(u.DisabledAt)))
	}
	table(w, lines...)
	if page.EndCursor != nil {
		fmt.Fprintf(w, "\nThere are more: the same again with --after %s\n", *page.EndCursor)
	}
}
