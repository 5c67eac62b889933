package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/urfave/cli/v3"

	"rekey/internal/auth"
)

func (p Program) usersExport() *cli.Command {
	return &cli.Command{
		Name: "export", Usage: "write all users as JSON, one a line",
		Description: "It reads a thousand at a time, by sign-up: who signs up meanwhile is among them.\n" +
			"Names and addresses of people leave the database with it: keep the file as you keep the database.\n\n" +
			"Examples:\n  (umask 077 && rekey users export > users.jsonl)\n  rekey users export --disabled | jq -r .email",
		OnUsageError: onUsageError, Action: p.exportUsers,
		Flags: filterFlags(
			&cli.BoolFlag{Name: "with-hashes", Usage: "also the password hashes, to move to another service; who has them can guess passwords"},
			progressFlag(),
		),
	}
}

func (p Program) exportUsers(ctx context.Context, cmd *cli.Command) error {
	if err := noArguments(cmd); err != nil {
		return err
	}
	hashes, what := cmd.Bool("with-hashes"), ""
	if hashes {
		what = "with password hashes"
	}
	return p.withCore(ctx, func(core *auth.Service) error {
		out := bufio.NewWriter(p.Out)
		lines, tell, done := json.NewEncoder(out), p.progress(cmd, "users"), 0
		n, err := core.ExportUsers(ctx, filterOf(cmd), what, operator(), func(u auth.User) error {
			v := viewUser(u)
			if hashes {
				v.PasswordHash = u.PasswordHash
			}
			done++
			tell(done)
			return lines.Encode(v)
		})
		if err = errors.Join(err, out.Flush()); err != nil {
			return fmt.Errorf("the export is not whole, %d users were read: %w", n, err)
		}
		return nil
	})
}
