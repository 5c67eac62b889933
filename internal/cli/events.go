package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/urfave/cli/v3"

	"rekey/internal/auth"
	"rekey/internal/spelling"
)

func (p Program) events() *cli.Command {
	return group("events", "look into the security journal", "Example:\n  rekey events list --since 1h",
		&cli.Command{
			Name: "list", Usage: "list events, newest first", OnUsageError: onUsageError, Action: p.listEvents,
			Description: "A page at a time: the last line says how to see the next one. docs/reference/events.md says what the\n" +
				"columns are; --json has all of them.\n\n" +
				"Examples:\n  rekey events list --user ada@example.com --since 24h\n" +
				"  rekey events list --kind refresh_reuse --kind login_failed --json",
			Flags: []cli.Flag{
				&cli.StringFlag{Name: "user", Usage: "only of this user: an e-mail address or an id"},
				&cli.StringSliceFlag{Name: "kind", Usage: "only of this `KIND`, such as login_failed; more than once for several"},
				&cli.StringFlag{Name: "since", Usage: "only from this `TIME` on, such as 2026-01-31T12:00:00Z, or this long ago, such as 24h"},
				&cli.IntFlag{Name: "limit", Usage: "most `EVENTS` to list, 1 to 1000", Value: 50},
				&cli.StringFlag{Name: "after", Usage: "go on after the event of this `ID`"},
			},
		},
	)
}

// eventView is an event as scripts see it.
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

func viewEvent(e auth.RecordedEvent) eventView {
	c := e.Client
	return eventView{
		ID: e.ID, At: e.At, Kind: e.Kind, Actor: c.Actor, UserID: orNull(e.UserID), SessionID: orNull(e.SessionID),
		Transport: orNull(string(c.Transport)), Address: orNull(c.Address), UserAgent: orNull(c.UserAgent), RequestID: orNull(c.RequestID),
		Detail: orNull(e.Detail), Count: e.Count,
	}
}

// eventPage is a page of events. EndCursor goes into --after; it is null on the
// last page.
type eventPage struct {
	Events    []eventView `json:"events"`
	EndCursor *string     `json:"endCursor"`
}

func (p Program) listEvents(ctx context.Context, cmd *cli.Command) error {
	if err := noArguments(cmd); err != nil {
		return err
	}
	q, err := journalQuery(cmd)
	if err != nil {
		return err
	}
	since, err := ago(cmd.String("since"))
	if err != nil {
		return err
	}
	return p.withCore(ctx, func(core *auth.Service) error {
		if who := cmd.String("user"); who != "" {
			u, err := core.FindUser(ctx, who)
			if err != nil {
				return err
			}
			q.UserID = u.ID
		}
		q.Since = since(core.Now())
		events, err := core.Journal(ctx, q)
		if err != nil {
			return err
		}
		page := pageOf(events, q.Limit-1)
		return p.show(cmd, page, page.write)
	})
}

// journalQuery asks for one event more than there are to be on the page.
func journalQuery(cmd *cli.Command) (auth.JournalQuery, error) {
	q := auth.JournalQuery{OlderThan: cmd.String("after"), Limit: cmd.Int("limit") + 1}
	if q.Limit < 2 || q.Limit > 1001 {
		return q, usage("--limit takes a number from 1 to 1000")
	}
	if _, ok := auth.ParseID(q.OlderThan); q.OlderThan != "" && !ok {
		return q, usage("--after takes the id of an event")
	}
	for _, name := range cmd.StringSlice("kind") {
		kind := auth.EventKind(name)
		if !slices.Contains(auth.EventKinds(), kind) {
			return q, usage("there is no kind %q of events%s", name, meant(spelling.Nearest(name, kindNames())))
		}
		q.Kinds = append(q.Kinds, kind)
	}
	return q, nil
}

func kindNames() []string {
	var names []string
	for _, kind := range auth.EventKinds() {
		names = append(names, string(kind))
	}
	return names
}

// ago reads a moment, or how long before now it was.
func ago(text string) (since func(now time.Time) time.Time, err error) {
	if text == "" {
		return func(time.Time) time.Time { return time.Time{} }, nil
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return func(now time.Time) time.Time { return now.Add(-d) }, nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return nil, usage("--since takes a time such as 2026-01-31T12:00:00Z, or how long ago, such as 24h")
	}
	return func(time.Time) time.Time { return at }, nil
}

func pageOf(events []auth.RecordedEvent, limit int) eventPage {
	page := eventPage{Events: []eventView{}}
	if len(events) > limit {
		events = events[:limit]
		page.EndCursor = &events[limit-1].ID
	}
	for _, e := range events {
		page.Events = append(page.Events, viewEvent(e))
	}
	return page
}

func (page eventPage) write(w io.Writer) {
	lines := []string{row("AT", "KIND", "DETAIL", "ENDED", "ACTOR", "USER", "SESSION", "ADDRESS", "REQUEST")}
	for _, e := range page.Events {
		lines = append(lines, row(moment(&e.At), string(e.Kind), valueOf(e.Detail), strconv.Itoa(e.Count), e.Actor,
			valueOf(e.UserID), valueOf(e.SessionID), valueOf(e.Address), valueOf(e.RequestID)))
	}
	table(w, lines...)
	if page.EndCursor != nil {
		fmt.Fprintf(w, "\nThere are more: the same again with --after %s\n", *page.EndCursor)
	}
}

func valueOf(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
