package cputime

import (
	"testing"
	"time"
)

// work uses the processor until this process has used d more of it.
func work(d time.Duration) {
	for begun := Used(); Used()-begun < d; {
	}
}

func TestLeast(t *testing.T) {
	turn, turns := 0, []time.Duration{30 * time.Millisecond, 10 * time.Millisecond, 30 * time.Millisecond}
	if least := Least(len(turns), func() { work(turns[turn]); turn++ }); least < turns[1] || least >= turns[0] || turn != len(turns) {
		t.Errorf("%v in %d turns, want some %v", least, turn, turns[1])
	}
}

func TestSignature(t *testing.T) {
	one, err := Signature()
	if err != nil || one < time.Microsecond || one > time.Second {
		t.Errorf("a signature takes %v, %v", one, err)
	}
	if n := Signatures(10*one, one); n != 10 {
		t.Errorf("ten of them are %v", n)
	}
}
