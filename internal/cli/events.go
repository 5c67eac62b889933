package cli

import (
	"context"
	"slices"
	"time"

	"github.com/urfave/cli/v3"

	"rekey/internal/auth"
)

func (p Program) events() *cli.Command {
	return group("events", "read the security journal", "rekey events list --since 1h",
		listCommand(p, &cli.Command{
			Usage: "list events, newest first",
			Description: "It lists one page; the last line shows how to list the next one. docs/reference/events.md explains the\n" +
				"columns; --json has all of them.\n\n" +
				"Examples:\n  rekey events list --user ada@example.com --since 24h\n" +
				"  rekey events list --kind refresh_reuse --kind login_failed --json",
			Flags: []cli.Flag{
				&cli.StringFlag{Name: "user", Usage: "only events of this user, an e-mail address or an id"},
				&cli.StringSliceFlag{Name: "kind", Usage: "only events of this `KIND`, such as login_failed; repeat it for several kinds"},
				&cli.StringFlag{Name: "since", Usage: "only events since this `TIME`, such as 2026-01-31T12:00:00Z, or since this long ago, such as 24h"},
				limitFlag("EVENTS", 50), afterFlag("event"),
			},
		}, eventListing(), p.parseEvents),
	)
}

func eventListing() listing[auth.RecordedEvent] {
	return listing[auth.RecordedEvent]{
		name: "events", id: func(e auth.RecordedEvent) string { return e.ID },
		fields: []field[auth.RecordedEvent]{
			{"", "id", func(e auth.RecordedEvent) any { return e.ID }},
			{"AT", "at", func(e auth.RecordedEvent) any { return e.At }},
			{"KIND", "kind", func(e auth.RecordedEvent) any { return e.Kind }},
			{"DETAIL", "detail", func(e auth.RecordedEvent) any { return orNull(e.Detail) }},
			{"SESSIONS", "count", func(e auth.RecordedEvent) any { return e.Count }},
			{"ACTOR", "actor", func(e auth.RecordedEvent) any { return e.Client.Actor }},
			{"USER", "userId", func(e auth.RecordedEvent) any { return orNull(e.UserID) }},
			{"SESSION", "sessionId", func(e auth.RecordedEvent) any { return orNull(e.SessionID) }},
			{"", "transport", func(e auth.RecordedEvent) any { return orNull(e.Client.Transport) }},
			{"ADDRESS", "address", func(e auth.RecordedEvent) any { return orNull(e.Client.Address) }},
			{"", "userAgent", func(e auth.RecordedEvent) any { return orNull(e.Client.UserAgent) }},
			{"REQUEST", "requestId", func(e auth.RecordedEvent) any { return orNull(e.Client.RequestID) }},
		},
	}
}

func (p Program) parseEvents(cmd *cli.Command) (fetch[auth.RecordedEvent], error) {
	q := auth.JournalQuery{OlderThan: cmd.String("after")}
	var names []string
	for _, kind := range auth.EventKinds() {
		names = append(names, string(kind))
	}
	for _, name := range cmd.StringSlice("kind") {
		if !slices.Contains(names, name) {
			return nil, usage("there is no kind %q of events%s", name, didYouMean(Nearest(name, names)))
		}
		q.Kinds = append(q.Kinds, auth.EventKind(name))
	}
	var ago time.Duration
	relative := false
	if text := cmd.String("since"); text != "" {
		var notDuration, notTime error
		ago, notDuration = time.ParseDuration(text)
		q.Since, notTime = time.Parse(time.RFC3339, text)
		relative = notDuration == nil && ago >= 0
		if notTime != nil && !relative {
			return nil, usage("--since takes a time such as 2026-01-31T12:00:00Z, or how long ago, such as 24h")
		}
	}
	return func(ctx context.Context, o Opened, limit int) ([]auth.RecordedEvent, error) {
		if user := cmd.String("user"); user != "" {
			u, err := o.Core.FindUser(ctx, user)
			if err != nil {
				return nil, err
			}
			q.UserID = u.ID
		}
		if relative {
			q.Since = o.Core.Now().Add(-ago)
		}
		q.Limit = limit
		return o.Core.Journal(ctx, q)
	}, nil
}
