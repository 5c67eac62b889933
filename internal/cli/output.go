package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/urfave/cli/v3"
	"golang.org/x/term"
)

// progressEvery is the number of rows after which a long command reports its
// progress.
const progressEvery = 10_000

func progressFlag() cli.Flag {
	return &cli.BoolFlag{Name: "progress", Usage: "report progress on stderr even if that is not a terminal"}
}

// show writes the answer of a command to stdout: the value in JSON, or the text.
func (p Program) show(cmd *cli.Command, value any, text string) error {
	if cmd.Bool("json") {
		if err := json.NewEncoder(p.Out).Encode(value); err != nil {
			return fmt.Errorf("writing the answer: %w", err)
		}
		return nil
	}
	_, _ = io.WriteString(p.Out, text) // the reader may have left
	return nil
}

// progress returns a function that reports progress on stderr, which keeps
// stdout clean for scripts.
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

// object is a JSON object. Its members keep their order.
type object []member

type member struct {
	name  string
	value any
}

// MarshalJSON writes the members.
func (o object) MarshalJSON() ([]byte, error) {
	text := []byte{'{'}
	for i, m := range o {
		value, err := json.Marshal(m.value)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			text = append(text, ',')
		}
		text = fmt.Appendf(text, "%q:%s", m.name, value)
	}
	return append(text, '}'), nil
}
