package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/urfave/cli/v3"

	"rekey/internal/auth"
)

// maxListed bounds --limit.
const maxListed = 1000

// listing describes how values of the core are listed: in a table, and in JSON in
// the words of the GraphQL schema.
type listing[T any] struct {
	fields []field[T]

	// The fields below are set for a list with pages.

	name     string         // of the values in JSON
	id       func(T) string // for --after
	noCursor bool           // only a higher --limit shows more
}

// field is a fact about a value. One without a heading is only in JSON, and one
// without a name only in the table.
type field[T any] struct {
	heading, name string
	value         func(T) any
}

// object returns the JSON form of a value.
func (l listing[T]) object(v T) (o object) {
	for _, f := range l.fields {
		if f.name != "" {
			o = append(o, member{f.name, f.value(v)})
		}
	}
	return o
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
func listCommand[T any](p Program, c *cli.Command, l listing[T], parse func(cmd *cli.Command) (fetch[T], error)) *cli.Command {
	c.Name = "list"
	c.Action = func(ctx context.Context, cmd *cli.Command) error {
		limit := cmd.Int("limit")
		if l.name != "" && (limit < 1 || limit > maxListed) {
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
func (l listing[T]) show(p Program, cmd *cli.Command, values []T, limit int) error {
	var next *string // the id of the last value if there are more
	if l.name != "" && len(values) > limit {
		values = values[:limit]
		next = orNull(l.id(values[limit-1]))
	}
	rows := make([]object, len(values))
	for i, v := range values {
		rows[i] = l.object(v)
	}
	more, answer := "", any(rows)
	switch {
	case l.name == "":
	case l.noCursor:
		more, answer = "a higher --limit", object{{l.name, rows}, {"hasNextPage", next != nil}}
	default:
		more, answer = "--after "+cell(next), object{{l.name, rows}, {"endCursor", next}}
	}
	var text strings.Builder
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	l.row(table, func(f field[T]) string { return f.heading })
	for _, v := range values {
		l.row(table, func(f field[T]) string { return strings.Map(printable, cmp.Or(cell(f.value(v)), "-")) })
	}
	_ = table.Flush() // a builder never fails
	if next != nil {
		fmt.Fprintf(&text, "\nThere are more: repeat the command with %s\n", more)
	}
	return p.show(cmd, answer, text.String())
}

func (l listing[T]) row(w io.Writer, cell func(field[T]) string) {
	var cells []string
	for _, f := range l.fields {
		if f.heading != "" {
			cells = append(cells, cell(f))
		}
	}
	fmt.Fprintln(w, strings.Join(cells, "\t"))
}

// printable replaces a character that could control a terminal, because strangers
// choose values such as user agents.
func printable(r rune) rune {
	if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
		return '?'
	}
	return r
}

// cell returns the text of a value in a table; null is empty.
func cell(value any) string {
	switch v := value.(type) {
	case time.Time:
		return v.UTC().Format(time.RFC3339)
	case *time.Time:
		if v != nil {
			return cell(*v)
		}
	case *string:
		if v != nil {
			return *v
		}
	default:
		return fmt.Sprint(v)
	}
	return ""
}

// orNull returns a pointer to a value for JSON, or nil if it is the zero value.
func orNull[T comparable](v T) *T {
	if v == *new(T) {
		return nil
	}
	return &v
}
