package racing

import (
	"errors"
	"slices"
	"sync/atomic"
	"testing"
)

func TestRounds(t *testing.T) {
	t.Setenv(roundsEnv, "")
	if n := Rounds(t, 7); n != 7 {
		t.Errorf("%d rounds by default, want 7", n)
	}
	t.Setenv(roundsEnv, "1000")
	if n := Rounds(t, 7); n != 1000 {
		t.Errorf("%d rounds, want 1000", n)
	}
}

// TestRepeat: all racers run at the same time: each waits for all others.
func TestRepeat(t *testing.T) {
	var running atomic.Int32
	lost, all := errors.New("lost"), make(chan struct{})
	errs := Repeat(8, func(racer int) error {
		if running.Add(1) == 8 {
			close(all)
		}
		<-all
		if racer == 3 {
			return nil
		}
		return lost
	})
	if winner := Winner(t, errs, lost); winner != 3 || len(slices.DeleteFunc(errs, func(err error) bool { return err == nil })) != 7 {
		t.Errorf("racer %d won: %v", winner, errs)
	}
}
