package cli

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/urfave/cli/v3"

	"rekey/internal/auth"
)

func (p Program) sessions() *cli.Command {
	return group("sessions", "administer sessions", "Example:\n  rekey sessions list --user ada@example.com",
		&cli.Command{
			Name: "list", Usage: "list a user's live sessions, newest first", OnUsageError: onUsageError, Action: p.listSessions,
			Description: "Example:\n  rekey sessions list --user ada@example.com --json",
			Flags: []cli.Flag{
				&cli.StringFlag{Name: "user", Usage: "whose: an e-mail address or an id", Required: true},
				&cli.IntFlag{Name: "limit", Usage: "most `SESSIONS` to list, 1 to 1000", Value: 200},
			},
		},
		&cli.Command{
			Name: "revoke", Usage: "end sessions: their users sign in again", ArgsUsage: "[ID...]",
			OnUsageError: onUsageError, Action: p.revokeSessions,
			Description: "Say which: by their ids, all of a --user, or --all there are. For the last, after the database was\n" +
				"restored from a backup, see docs/how-to/backup.md. By the time it returns, no token of them works.\n\n" +
				"Examples:\n  rekey sessions revoke 0195e3a0-7b1c-7e44-9d0f-1c2f3a4b5c6d\n" +
				"  rekey sessions revoke --user ada@example.com\n  rekey sessions revoke --all --issued-before 2026-01-31T12:00:00Z",
			Flags: []cli.Flag{
				&cli.StringFlag{Name: "user", Usage: "all of this user: an e-mail address or an id"},
				&cli.BoolFlag{Name: "all", Usage: "everybody's"},
				&cli.StringFlag{Name: "issued-before", Usage: "with --all: only those whose login was before this `TIME`, such as 2026-01-31T12:00:00Z"},
				progressFlag(),
			},
		},
	)
}

// sessionView is a session as scripts see it, in the words of the GraphQL schema.
type sessionView struct {
	ID                string    `json:"id"`
	Generation        int64     `json:"generation"`
	UserAgent         *string   `json:"userAgent"`
	IPAddress         *string   `json:"ipAddress"`
	CreatedAt         time.Time `json:"createdAt"`
	LastSeenAt        time.Time `json:"lastSeenAt"`
	ExpiresAt         time.Time `json:"expiresAt"`
	AbsoluteExpiresAt time.Time `json:"absoluteExpiresAt"`
}

func viewSession(s auth.Session) sessionView {
	return sessionView{
		ID: s.ID, Generation: s.Generation, UserAgent: orNull(s.UserAgent), IPAddress: orNull(s.IPAddress),
		CreatedAt: s.CreatedAt, LastSeenAt: s.LastSeenAt, ExpiresAt: s.EndsAt(), AbsoluteExpiresAt: s.ExpiresAt,
	}
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// sessionPage is the newest sessions of a user.
type sessionPage struct {
	Sessions    []sessionView `json:"sessions"`
	HasNextPage bool          `json:"hasNextPage"` // there are older ones
}

func (p Program) listSessions(ctx context.Context, cmd *cli.Command) error {
	limit := cmd.Int("limit")
	if err := noArguments(cmd); err != nil {
		return err
	}
	if limit < 1 || limit > 1000 {
		return usage("--limit takes a number from 1 to 1000")
	}
	return p.withCore(ctx, func(core *auth.Service) error {
		list, err := core.UserSessions(ctx, cmd.String("user"), limit+1)
		if err != nil {
			return err
		}
		page := sessionPage{Sessions: []sessionView{}, HasNextPage: len(list) > limit}
		lines := []string{row("ID", "LAST SEEN", "CREATED", "EXPIRES", "REFRESHES", "ADDRESS", "USER AGENT")}
		for _, s := range list[:min(limit, len(list))] {
			v := viewSession(s)
			page.Sessions = append(page.Sessions, v)
			lines = append(lines, row(v.ID, moment(&v.LastSeenAt), moment(&v.CreatedAt), moment(&v.ExpiresAt),
				strconv.FormatInt(v.Generation-1, 10), s.IPAddress, s.UserAgent))
		}
		return p.show(cmd, page, func(w io.Writer) {
			table(w, lines...)
			if page.HasNextPage {
				fmt.Fprintf(w, "\nThere are more than %d: say --limit\n", limit)
			}
		})
	})
}
