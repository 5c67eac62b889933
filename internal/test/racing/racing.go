// Package racing runs functions at the same time, in as many rounds as a run of
// the tests asks for.
package racing

import (
	"errors"
	"os"
	"strconv"
	"sync"
	"testing"
)

// roundsEnv names the variable with the number of rounds of every race.
const roundsEnv = "RACE_ROUNDS"

// Rounds returns the number of rounds of a race: RACE_ROUNDS if that is set, or
// else usual, which keeps a run of all tests short.
func Rounds(t testing.TB, usual int) int {
	t.Helper()
	text := os.Getenv(roundsEnv)
	if text == "" {
		return usual
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s is %q, want a positive number", roundsEnv, text)
	}
	return n
}

// Together runs the functions at the same time and waits for all of them.
func Together(fns ...func()) {
	start := make(chan struct{})
	var wg sync.WaitGroup
	for _, fn := range fns {
		wg.Go(func() {
			<-start
			fn()
		})
	}
	close(start)
	wg.Wait()
}

// Repeat runs n calls of one function at the same time, and returns their errors.
func Repeat(n int, fn func(racer int) error) []error {
	errs := make([]error, n)
	fns := make([]func(), n)
	for i := range fns {
		fns[i] = func() { errs[i] = fn(i) }
	}
	Together(fns...)
	return errs
}

// Winner returns the only racer without an error. The test fails if there is not
// exactly one, or if another racer has an error that is not lost.
func Winner(t testing.TB, errs []error, lost error) int {
	t.Helper()
	winner := -1
	for i, err := range errs {
		switch {
		case err == nil && winner < 0:
			winner = i
		case err == nil:
			t.Fatalf("racers %d and %d of %d succeeded, want one", winner, i, len(errs))
		case !errors.Is(err, lost):
			t.Fatalf("racer %d: %v (cause: %v), want %v", i, err, errors.Unwrap(err), lost)
		}
	}
	if winner < 0 {
		t.Fatalf("none of %d racers succeeded", len(errs))
	}
	return winner
}
