package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v3"
)

// progressEvery is after how many sessions a long command says how far it is.
const progressEvery = 10_000

func (p Program) sessions() *cli.Command {
	return &cli.Command{
		Name:         "sessions",
		Usage:        "administer sessions",
		OnUsageError: onUsageError,
		Action: func(context.Context, *cli.Command) error {
			return usageError{fmt.Errorf("sessions: say revoke; see rekey sessions --help")}
		},
		Commands: []*cli.Command{
			{
				Name: "revoke", Usage: "end everybody's sessions: all sign in again", OnUsageError: onUsageError, Action: p.revokeSessions,
				Description: "After the database was restored from a backup: see docs/operations.md.",
				Flags: []cli.Flag{
					&cli.BoolFlag{Name: "all", Usage: "do it"},
					&cli.StringFlag{Name: "issued-before", Usage: "end only those whose login was before this `TIME`, such as 2026-01-31T12:00:00Z"},
					&cli.BoolFlag{Name: "json", Usage: "answer in JSON"},
				},
			},
		},
	}
}

func (p Program) revokeSessions(ctx context.Context, cmd *cli.Command) (err error) {
	var before time.Time
	if text := cmd.String("issued-before"); text != "" {
		if before, err = time.Parse(time.RFC3339, text); err != nil {
			return usageError{fmt.Errorf("sessions revoke: --issued-before takes a time such as 2026-01-31T12:00:00Z")}
		}
	}
	if cmd.Args().Present() || !cmd.Bool("all") {
		return usageError{fmt.Errorf("sessions revoke ends everybody's sessions: say --all, with or without --issued-before")}
	}
	core, closeCore, err := p.Open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeCore()) }()
	ended, err := core.EndAllSessions(ctx, before, operator(), p.progress())
	if err != nil {
		return fmt.Errorf("%d sessions ended, then: %w", ended, err)
	}
	return p.showEnded(cmd, ended)
}

// progress tells of each so many sessions, to where complaints go, so that a
// script's answer stays clean.
func (p Program) progress() func(ended int) {
	next := progressEvery
	return func(ended int) {
		if ended >= next {
			fmt.Fprintf(p.Err, "%d sessions ended so far\n", ended)
			next = ended - ended%progressEvery + progressEvery
		}
	}
}

func (p Program) showEnded(cmd *cli.Command, ended int) error {
	if cmd.Bool("json") {
		return json.NewEncoder(p.Out).Encode(struct {
			Ended int `json:"ended"`
		}{ended})
	}
	fmt.Fprintf(p.Out, "%d sessions ended\n", ended)
	return nil
}
