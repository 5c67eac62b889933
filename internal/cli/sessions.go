package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/urfave/cli/v3"

	"rekey/internal/auth"
)

func (p Program) sessions() *cli.Command {
	return group("sessions", "administer sessions", "Example:\n  rekey sessions revoke --all",
		&cli.Command{
			Name: "revoke", Usage: "end everybody's sessions: all sign in again", OnUsageError: onUsageError, Action: p.revokeSessions,
			Description: "After the database was restored from a backup: see docs/operations.md.\n\nExample:\n  rekey sessions revoke --all",
			Flags: []cli.Flag{
				&cli.BoolFlag{Name: "all", Usage: "do it"},
				&cli.StringFlag{Name: "issued-before", Usage: "end only those whose login was before this `TIME`, such as 2026-01-31T12:00:00Z"},
				progressFlag(),
			},
		},
	)
}

func (p Program) revokeSessions(ctx context.Context, cmd *cli.Command) (err error) {
	var before time.Time
	if text := cmd.String("issued-before"); text != "" {
		if before, err = time.Parse(time.RFC3339, text); err != nil {
			return usage("sessions revoke: --issued-before takes a time such as 2026-01-31T12:00:00Z")
		}
	}
	if cmd.Args().Present() || !cmd.Bool("all") {
		return usage("sessions revoke ends everybody's sessions: say --all, with or without --issued-before")
	}
	return p.withCore(ctx, func(core *auth.Service) error {
		ended, err := core.EndAllSessions(ctx, before, operator(), p.progress(cmd, "sessions ended"))
		if err != nil {
			return fmt.Errorf("%d sessions ended, then: %w", ended, err)
		}
		return p.show(cmd, map[string]int{"ended": ended}, func(w io.Writer) { fmt.Fprintf(w, "%d sessions ended\n", ended) })
	})
}
