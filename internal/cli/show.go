package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/urfave/cli/v3"
	"golang.org/x/term"
)

// progressEvery is after how many rows a long command says how far it is.
const progressEvery = 10_000

func progressFlag() cli.Flag {
	return &cli.BoolFlag{Name: "progress", Usage: "say on stderr how far it is, also when that is no terminal"}
}

// show writes a command's answer to stdout: the value in JSON, or what text
// writes for people.
func (p Program) show(cmd *cli.Command, value any, text func(w io.Writer)) error {
	if cmd.Bool("json") {
		if err := json.NewEncoder(p.Out).Encode(value); err != nil {
			return fmt.Errorf("writing the answer: %w", err)
		}
		return nil
	}
	text(p.Out)
	return nil
}

// table writes lines of columns that tabs separate.
func table(w io.Writer, lines ...string) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, line := range lines {
		fmt.Fprintln(t, line)
	}
	_ = t.Flush() // a reader that is gone: nobody to tell
}

// row is a line of a table. What a stranger chose, such as a user agent, cannot
// do more to a terminal than be shown.
func row(columns ...string) string {
	for i, c := range columns {
		if c == "" {
			c = "-"
		}
		columns[i] = strings.Map(func(r rune) rune {
			if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
				return '?'
			}
			return r
		}, c)
	}
	return strings.Join(columns, "\t")
}

func moment(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}

// progress tells of each so many rows, on stderr: a script's answer stays clean.
func (p Program) progress(cmd *cli.Command, of string) func(done int) {
	if !cmd.Bool("progress") && !isTerminal(p.Err) {
		return func(int) {}
	}
	next := progressEvery
	return func(done int) {
		if done >= next {
			fmt.Fprintf(p.Err, "%d %s so far\n", done, of)
			next = done - done%progressEvery + progressEvery
		}
	}
}

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
