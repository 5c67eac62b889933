package blacklist

import (
	"context"
	"testing"
	"time"

	"rekey/internal/blacklist/blacklisttest"
	"rekey/internal/test/logcheck"
)

func internalOptions(t testing.TB, clock *blacklisttest.Clock, notes *blacklisttest.Notes) Options {
	return Options{
		Notes: notes, Now: clock.Now, After: time.After, Logger: logcheck.Logger(t), RoundTimeout: time.Minute,
	}
}

// TestTrust_vouch: a change that could not put its entries does not write
// "none" into the middle of a round, which would then name the node over it.
func TestTrust_vouch(t *testing.T) {
	clock := &blacklisttest.Clock{}
	notes := blacklisttest.NewNotes(clock)
	tr := newTrust(internalOptions(t, clock, notes), none{})
	release, err := tr.take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := tr.vouch(gone, nil); err == nil {
		t.Error("vouch did not wait for its turn")
	}
	if all := notes.All(); len(all) > 0 {
		t.Errorf("notes %v written out of turn", all)
	}
	release()
	if err := tr.vouch(t.Context(), nil); err != nil {
		t.Errorf("vouch: %v", err)
	}
	if all := notes.All(); len(all) != 1 {
		t.Errorf("notes %v, want one", all)
	}
}

// hanging is a backend whose node does not answer for as long as it is asked.
type hanging struct {
	none
	asked, answer chan struct{}
}

func (h hanging) masters(context.Context) ([]string, error) {
	h.asked <- struct{}{}
	<-h.answer
	return nil, errNone
}

// TestTrust_round: a change does not wait for a node that a round asks.
func TestTrust_round(t *testing.T) {
	clock := &blacklisttest.Clock{}
	notes := blacklisttest.NewNotes(clock)
	h := hanging{asked: make(chan struct{}), answer: make(chan struct{})}
	tr := newTrust(internalOptions(t, clock, notes), h)
	ended := make(chan error)
	go func() { _, err := tr.round(t.Context()); ended <- err }()
	<-h.asked
	if err := tr.vouch(t.Context(), nil); err != nil {
		t.Errorf("vouch: %v", err)
	}
	if all := notes.All(); len(all) != 1 {
		t.Errorf("notes %v, want one", all)
	}
	close(h.answer)
	if err := <-ended; err != nil {
		t.Errorf("round: %v", err)
	}
}
