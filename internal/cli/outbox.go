package cli

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v3"

	"rekey/internal/auth"
)

func (p Program) mail() *cli.Command {
	return group("mail", "administer the mails that were not sent, and check templates", "rekey mail list --dead",
		listCommand(p, &cli.Command{
			Usage: "list the mails in the outbox, oldest first",
			Description: "A mail waits until it is sent, and is deleted then. A dead letter will not be sent: it expired, or was\n" +
				"refused. The list does not show addresses, links or codes.\n\nExample:\n  rekey mail list --dead --json",
			Flags: []cli.Flag{
				&cli.BoolFlag{Name: "dead", Usage: "only dead letters; --dead=false: only mails that wait"},
				limitFlag("mails", 100), afterFlag("mail"),
			},
		}, mailListing(), listMails),
		&cli.Command{
			Name: "retry", Usage: "send a mail now, dead or not", ArgsUsage: "ID", Action: p.retryMail,
			Description: "A dead letter with a link or a code was erased: the person must request another one.\n\n" +
				"Example:\n  rekey mail retry 0197a4e2-6d1c-7b52-9c11-2f6f0e3f7d10",
		},
		&cli.Command{
			Name: "drop", Usage: "delete a mail that was not sent", ArgsUsage: "ID", Action: p.dropMail,
			Description: "Example:\n  rekey mail drop 0197a4e2-6d1c-7b52-9c11-2f6f0e3f7d10",
		},
		p.previewMail(),
	)
}

func mailListing() listing[auth.QueuedMail] {
	state := func(m auth.QueuedMail) string {
		if m.DeadAt != nil {
			return "dead"
		}
		return "waiting"
	}
	return listing[auth.QueuedMail]{
		name: "mails", id: func(m auth.QueuedMail) string { return m.ID },
		fields: []field[auth.QueuedMail]{
			{"ID", "id", func(m auth.QueuedMail) any { return m.ID }},
			{"KIND", "kind", func(m auth.QueuedMail) any { return m.Kind }},
			{"USER", "userId", func(m auth.QueuedMail) any { return orNull(m.UserID) }},
			{"STATE", "state", func(m auth.QueuedMail) any { return state(m) }},
			{"TRIES", "tries", func(m auth.QueuedMail) any { return m.Tries }},
			{"CREATED", "createdAt", func(m auth.QueuedMail) any { return m.CreatedAt }},
			{"EXPIRES", "expiresAt", func(m auth.QueuedMail) any { return m.ExpiresAt }},
			{"", "sendAfter", func(m auth.QueuedMail) any { return m.SendAfter }},
			{"", "deadAt", func(m auth.QueuedMail) any { return m.DeadAt }},
			{"", "erased", func(m auth.QueuedMail) any { return m.Sealed.Text == nil }},
			{"LAST ERROR", "lastError", func(m auth.QueuedMail) any { return orNull(m.LastError) }},
		},
	}
}

func listMails(cmd *cli.Command) (fetch[auth.QueuedMail], error) {
	q := auth.MailQuery{After: cmd.String("after")}
	if cmd.IsSet("dead") {
		dead := cmd.Bool("dead")
		q.Dead = &dead
	}
	return func(ctx context.Context, o Opened, limit int) ([]auth.QueuedMail, error) {
		q.Limit = limit
		return o.Core.Mails(ctx, q)
	}, nil
}

func (p Program) retryMail(ctx context.Context, cmd *cli.Command) error {
	id := cmd.Args().First()
	return p.with(ctx, func(o Opened) error {
		if err := o.Core.RetryMail(ctx, id, auth.ClientFrom(ctx)); err != nil {
			return err
		}
		return p.show(cmd, map[string]string{"retried": id}, fmt.Sprintf("mail %s is due; a running service sends it within seconds\n", id))
	})
}

func (p Program) dropMail(ctx context.Context, cmd *cli.Command) error {
	id := cmd.Args().First()
	return p.with(ctx, func(o Opened) error {
		if err := o.Core.DropMail(ctx, id, auth.ClientFrom(ctx)); err != nil {
			return err
		}
		return p.show(cmd, map[string]string{"dropped": id}, fmt.Sprintf("mail %s is deleted\n", id))
	})
}
