package cli

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/urfave/cli/v3"

	"rekey/internal/auth"
)

// maxListed bounds --limit.
const maxListed = 1000

// listing describes how values are listed: T is a type of the core, and V is its
// JSON form, in the words of the GraphQL schema.
type listing[T, V any] struct {
	columns []string
	view    func(T) V
	cells   func(V) []string // of a row in the table

	// The fields below are set for a list with pages.

	// page returns the JSON of a page; next is the id of the last value if there
	// are more.
	page func(views []V, next *string) any
	id   func(V) string
	// more is the option that shows more than the page; empty: --after.
	more string
}

func limitFlag(what string, limit int) cli.Flag {
	return &cli.IntFlag{Name: "limit", Usage: fmt.Sprintf("list at most this many `%s`, 1 to %d", what, maxListed), Value: limit}
}

func afterFlag(what string) cli.Flag {
	return &cli.StringFlag{Name: "after", Usage: "continue after the " + what + " with this `ID`"}
}

// fetch returns at most limit values; a list without pages ignores limit.
type fetch[T any] = func(ctx context.Context, o Opened, limit int) ([]T, error)

// listCommand completes a command that lists values. parse reads the command's
// own options and returns the function that fetches the values.
func listCommand[T, V any](p Program, c *cli.Command, l listing[T, V], parse func(cmd *cli.Command) (fetch[T], error)) *cli.Command {
	c.Name = "list"
	c.Action = func(ctx context.Context, cmd *cli.Command) error {
		limit := cmd.Int("limit")
		if l.page != nil && (limit < 1 || limit > maxListed) {
			return usage("--limit takes a number from 1 to %d", maxListed)
		}
		after := cmd.String("after")
		if _, ok := auth.ParseID(after); after != "" && !ok {
			return usage("--after takes an id, such as the last one of the previous page")
		}
		fetch, err := parse(cmd)
		if err != nil {
			return err
		}
		return p.with(ctx, func(o Opened) error {
			values, err := fetch(ctx, o, limit+1) // one more than the page, to see if there are more
			if err != nil {
				return err
			}
			return l.show(p, cmd, values, limit)
		})
	}
	return c
}

// show prints values, at most limit if the list has pages.
func (l listing[T, V]) show(p Program, cmd *cli.Command, values []T, limit int) error {
	more := l.page != nil && len(values) > limit
	if more {
		values = values[:limit]
	}
	views := make([]V, len(values))
	for i, v := range values {
		views[i] = l.view(v)
	}
	var answer any = views
	var next *string
	if more {
		last := l.id(views[len(views)-1])
		next = &last
	}
	if l.page != nil {
		answer = l.page(views, next)
	}
	var text strings.Builder
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, strings.Join(l.columns, "\t"))
	for _, v := range views {
		cells := l.cells(v)
		for i, cell := range cells {
			cells[i] = strings.Map(printable, cmp.Or(cell, "-"))
		}
		fmt.Fprintln(table, strings.Join(cells, "\t"))
	}
	_ = table.Flush() // a builder never fails
	if next != nil {
		fmt.Fprintf(&text, "\nThere are more: repeat the command with %s\n", cmp.Or(l.more, "--after "+*next))
	}
	return p.show(cmd, answer, text.String())
}

// printable replaces a character that could control a terminal, because strangers
// choose values such as user agents.
func printable(r rune) rune {
	if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
		return '?'
	}
	return r
}

// moment returns a time for a cell.
func moment(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// text returns an optional string for a cell.
func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// orNull returns a pointer to s for JSON, or nil if s is empty.
func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
