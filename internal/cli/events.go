package cli

import (
	"context"
	"slices"
	"strconv"
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

// eventView is the JSON form of an event.
type eventView struct {
	ID        string         `json:"id"`
	At        time.Time      `json:"at"`
	Kind      auth.EventKind `json:"kind"`
	Actor     string         `json:"actor"`
	UserID    *string        `json:"userId"`
	SessionID *string        `json:"sessionId"`
	Transport *string        `json:"transport"`
	Address   *string        `json:"address"`
	UserAgent *string        `json:"userAgent"`
	RequestID *string        `json:"requestId"`
	Detail    *string        `json:"detail"`
	Count     int            `json:"count"`
}

// eventPage is the JSON form of a page of events.
type eventPage struct {
	Events    []eventView `json:"events"`
	EndCursor *string     `json:"endCursor"` // for --after; null on the last page
}

func eventListing() listing[auth.RecordedEvent, eventView] {
	return listing[auth.RecordedEvent, eventView]{
		columns: []string{"AT", "KIND", "DETAIL", "SESSIONS", "ACTOR", "USER", "SESSION", "ADDRESS", "REQUEST"},
		view: func(e auth.RecordedEvent) eventView {
			c := e.Client
			return eventView{
				ID: e.ID, At: e.At, Kind: e.Kind, Actor: c.Actor, UserID: orNull(e.UserID), SessionID: orNull(e.SessionID),
				Transport: orNull(string(c.Transport)), Address: orNull(c.Address), UserAgent: orNull(c.UserAgent), RequestID: orNull(c.RequestID),
				Detail: orNull(e.Detail), Count: e.Count,
			}
		},
		cells: func(e eventView) []string {
			return []string{
				moment(&e.At), string(e.Kind), text(e.Detail), strconv.Itoa(e.Count), e.Actor,
				text(e.UserID), text(e.SessionID), text(e.Address), text(e.RequestID),
			}
		},
		page: func(events []eventView, next *string) any { return eventPage{events, next} },
		id:   func(e eventView) string { return e.ID },
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
