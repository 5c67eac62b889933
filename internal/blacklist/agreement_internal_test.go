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

// TestAgreement_ensureNote: a change that could not put its entries does not write
// "none" into the middle of a round, which would then name the node over it.
func TestAgreement_ensureNote(t *testing.T) {
	clock := &blacklisttest.Clock{}
	notes := blacklisttest.NewNotes(clock)
	a := newAgreement(internalOptions(t, clock, notes), none{})
	unlock, err := a.lockNote(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := a.ensureNote(gone, nil); err == nil {
		t.Error("ensureNote did not wait for the lock")
	}
	if all := notes.All(); len(all) > 0 {
		t.Errorf("notes %v written without the lock", all)
	}
	unlock()
	if err := a.ensureNote(t.Context(), nil); err != nil {
		t.Errorf("ensureNote: %v", err)
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

// TestAgreement_round: a change does not wait for a node that a round asks.
func TestAgreement_round(t *testing.T) {
	clock := &blacklisttest.Clock{}
	notes := blacklisttest.NewNotes(clock)
	h := hanging{asked: make(chan struct{}), answer: make(chan struct{})}
	a := newAgreement(internalOptions(t, clock, notes), h)
	ended := make(chan error)
	go func() { _, err := a.round(t.Context()); ended <- err }()
	<-h.asked
	if err := a.ensureNote(t.Context(), nil); err != nil {
		t.Errorf("ensureNote: %v", err)
	}
	if all := notes.All(); len(all) != 1 {
		t.Errorf("notes %v, want one", all)
	}
	close(h.answer)
	if err := <-ended; err != nil {
		t.Errorf("round: %v", err)
	}
}
