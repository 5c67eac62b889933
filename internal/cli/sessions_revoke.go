package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/urfave/cli/v3"

	"rekey/internal/auth"
)

// revoked is the answer of sessions revoke.
type revoked struct {
	Ended       int      `json:"ended"`
	EndedBefore []string `json:"endedBefore,omitempty"` // ids
	NotFound    []string `json:"notFound,omitempty"`    // ids
}

func (r revoked) write(w io.Writer) {
	fmt.Fprintf(w, "%d sessions ended\n", r.Ended)
	for _, id := range r.EndedBefore {
		fmt.Fprintf(w, "%s had ended before\n", id)
	}
}

func (p Program) revokeSessions(ctx context.Context, cmd *cli.Command) error {
	ids, user, all := cmd.Args().Slice(), cmd.String("user"), cmd.Bool("all")
	said := 0
	for _, one := range []bool{len(ids) > 0, user != "", all} {
		if one {
			said++
		}
	}
	if said != 1 {
		return usage("sessions revoke takes the ids of sessions, or --user, or --all; see %s --help", cmd.FullName())
	}
	before, err := issuedBefore(cmd)
	if err != nil {
		return err
	}
	return p.withCore(ctx, func(core *auth.Service) (err error) {
		var done revoked
		switch {
		case all:
			done.Ended, err = core.EndAllSessions(ctx, before, operator(), p.progress(cmd, "sessions ended"))
		case user != "":
			done.Ended, err = core.EndUserSessions(ctx, user, operator())
		default:
			done, err = endSessions(ctx, core, ids)
		}
		if err != nil && done.Ended > 0 {
			err = fmt.Errorf("%d sessions ended, then: %w", done.Ended, err)
		}
		if err == nil || len(done.NotFound) > 0 {
			err = errors.Join(p.show(cmd, done, done.write), err)
		}
		return err
	})
}

func issuedBefore(cmd *cli.Command) (before time.Time, err error) {
	text := cmd.String("issued-before")
	if text == "" {
		return time.Time{}, nil
	}
	if before, err = time.Parse(time.RFC3339, text); err != nil || !cmd.Bool("all") {
		return time.Time{}, usage("--issued-before takes a time such as 2026-01-31T12:00:00Z, and goes with --all")
	}
	return before, nil
}

// endSessions ends those that there are, and says which there are not.
func endSessions(ctx context.Context, core *auth.Service, ids []string) (done revoked, err error) {
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
