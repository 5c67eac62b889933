package stage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"rekey/bench/faults/internal/check"
	"rekey/bench/faults/internal/strike"
	"rekey/bench/faults/internal/world"
)

// Answers is the place of the transports' answers.
const Answers world.Place = "answers"

var errNothingThere = errors.New("there is nothing to look through")

// Leaks searches for clients' secrets in all places where they must not be. It
// returns how many lines it searched at each place, and for answers how many
// there were. An empty place would prove nothing and is an error.
func Leaks(ctx context.Context, s *strike.Scene) (found []check.Finding, searched map[world.Place]int, err error) {
	secrets := s.Load.Secrets()
	suspects, all := s.Client.Answers()
	found, _, err = secrets.Search("answers", strings.NewReader(strings.Join(suspects, "\n")))
	if err != nil {
		return found, nil, err
	}
	searched = map[world.Place]int{Answers: all, world.Logs: 0, world.Metrics: 0, world.Tables: 0, world.Keys: 0}
	err = s.World.Look(ctx, func(at world.Place, name string, text io.Reader) error {
		leaks, lines, err := secrets.Search(name, text)
		found = append(found, leaks...)
		searched[at] += lines
		return err
	})
	if err != nil {
		return found, searched, fmt.Errorf("looking for secrets: %w", err)
	}
	for at, lines := range searched {
		if lines == 0 {
			return found, searched, fmt.Errorf("looking for secrets: %s: %w", at, errNothingThere)
		}
	}
	return found, searched, nil
}
