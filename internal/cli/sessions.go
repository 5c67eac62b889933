package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v3"

	"rekey/internal/auth"
)

func (p Program) sessions() *cli.Command {
	return group("sessions", "administer sessions", "rekey sessions list --user ada@example.com",
		listCommand(p, &cli.Command{
			Usage:       "list a user's live sessions, newest first",
			Description: "Example:\n  rekey sessions list --user ada@example.com --json",
			Flags: []cli.Flag{
				&cli.StringFlag{Name: "user", Usage: "the user's e-mail address or id", Required: true},
				limitFlag("SESSIONS", 200),
			},
		}, sessionListing(), func(cmd *cli.Command) (fetch[auth.Session], error) {
			return func(ctx context.Context, o Opened, limit int) ([]auth.Session, error) {
				return o.Core.UserSessions(ctx, cmd.String("user"), limit)
			}, nil
		}),
		&cli.Command{
			Name: "revoke", Usage: "revoke sessions: their users have to log in again", ArgsUsage: anyNumber, Action: p.revokeSessions,
			Description: "It revokes the sessions with these ids, all of a --user, or --all sessions. When it returns, no token of\n" +
				"them works. docs/how-to/backup.md explains --all after a restore.\n\n" +
				"Examples:\n  rekey sessions revoke 0195e3a0-7b1c-7e44-9d0f-1c2f3a4b5c6d\n" +
				"  rekey sessions revoke --user ada@example.com\n  rekey sessions revoke --all --issued-before 2026-01-31T12:00:00Z",
			Flags: []cli.Flag{
				&cli.StringFlag{Name: "user", Usage: "all sessions of this user, an e-mail address or an id"},
				&cli.BoolFlag{Name: "all", Usage: "the sessions of all users"},
				&cli.StringFlag{Name: "issued-before", Usage: "with --all, only sessions whose login was before this `TIME`, such as 2026-01-31T12:00:00Z"},
				progressFlag(),
			},
		},
	)
}

func sessionListing() listing[auth.Session] {
	return listing[auth.Session]{
		name: "sessions", id: func(s auth.Session) string { return s.ID }, noCursor: true,
		fields: []field[auth.Session]{
			{"ID", "id", func(s auth.Session) any { return s.ID }},
			{"LAST SEEN", "lastSeenAt", func(s auth.Session) any { return s.LastSeenAt }},
			{"CREATED", "createdAt", func(s auth.Session) any { return s.CreatedAt }},
			{"EXPIRES", "expiresAt", func(s auth.Session) any { return s.EndsAt() }},
			{"", "absoluteExpiresAt", func(s auth.Session) any { return s.ExpiresAt }},
			{"", "generation", func(s auth.Session) any { return s.Generation }},
			{"REFRESHES", "", func(s auth.Session) any { return s.Generation - 1 }},
			{"ADDRESS", "ipAddress", func(s auth.Session) any { return orNull(s.IPAddress) }},
			{"USER AGENT", "userAgent", func(s auth.Session) any { return orNull(s.UserAgent) }},
		},
	}
}

// revoked is the JSON answer of sessions revoke.
type revoked struct {
	Ended       int      `json:"ended"`                 // number of revoked sessions
	EndedBefore []string `json:"endedBefore,omitempty"` // ids
	NotFound    []string `json:"notFound,omitempty"`    // ids
}

func (r revoked) text() string {
	text := fmt.Sprintf("%d sessions revoked\n", r.Ended)
	for _, id := range r.EndedBefore {
		text += id + " was revoked or expired before\n"
	}
	return text
}

func (p Program) revokeSessions(ctx context.Context, cmd *cli.Command) error {
	ids, user, all := cmd.Args().Slice(), cmd.String("user"), cmd.Bool("all")
	choices := 0
	for _, chosen := range []bool{len(ids) > 0, user != "", all} {
		if chosen {
			choices++
		}
	}
	if choices != 1 {
		return usage("sessions revoke takes the ids of sessions, or --user, or --all; see %s --help", cmd.FullName())
	}
	var before time.Time
	if text := cmd.String("issued-before"); text != "" {
		var err error
		if before, err = time.Parse(time.RFC3339, text); err != nil || !all {
			return usage("--issued-before takes a time such as 2026-01-31T12:00:00Z, and requires --all")
		}
	}
	return p.with(ctx, func(o Opened) (err error) {
		var done revoked
		switch {
		case all:
			done.Ended, err = o.Core.EndAllSessions(ctx, before, operator(), p.progress(cmd, "sessions revoked"))
		case user != "":
			done.Ended, err = o.Core.EndUserSessions(ctx, user, operator())
		default:
			done, err = revokeByID(ctx, o.Core, ids)
		}
		if err != nil && done.Ended > 0 {
			err = fmt.Errorf("%d sessions revoked, then: %w", done.Ended, err)
		}
		if err == nil || len(done.NotFound) > 0 {
			err = errors.Join(p.show(cmd, done, done.text()), err)
		}
		return err
	})
}

// revokeByID revokes the sessions that exist. Its error contains each id that
// does not.
func revokeByID(ctx context.Context, core *auth.Service, ids []string) (done revoked, err error) {
	var missing []error
	for _, id := range ids {
		ended, err := core.EndSession(ctx, id, operator())
		switch {
		case err != nil && auth.AsError(err).Code == auth.CodeNotFound:
			done.NotFound = append(done.NotFound, id)
			missing = append(missing, err)
		case err != nil:
			return revoked{Ended: done.Ended}, err
		case ended:
			done.Ended++
		default:
			done.EndedBefore = append(done.EndedBefore, id)
		}
	}
	return done, errors.Join(missing...)
}
