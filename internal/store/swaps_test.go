package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"gorm.io/gorm"

	"rekey/internal/auth"
)

// table is the database under some swaps. Statements wait for release.
type table struct {
	*swaps
	sent    chan []string
	release chan error
}

func newTable(limit int) *table {
	tb := &table{sent: make(chan []string, 100), release: make(chan error)}
	tb.swaps = &swaps{
		single: func(_ context.Context, r auth.Rotation) (stateRow, error) {
			err := tb.run([]string{"single " + r.SessionID})
			var row stateRow
			row.session.ID = r.SessionID
			return row, err
		},
		together: func(_ context.Context, batch []*swap) error {
			var ids []string
			for _, c := range batch {
				ids = append(ids, c.rotation.SessionID)
				c.row.session.ID, c.found = c.rotation.SessionID, c.rotation.SessionID != "missing"
			}
			return tb.run(ids)
		},
		limit: limit, timeout: time.Minute, patience: time.Hour,
	}
	return tb
}

func (tb *table) run(ids []string) error {
	tb.sent <- ids
	return <-tb.release
}

// come lets rotations come one after the other, and returns their outcomes.
func (tb *table) come(ctx context.Context, t *testing.T, ids ...string) []chan error {
	t.Helper()
	var outcomes []chan error
	for _, id := range ids {
		before := tb.waitingNow()
		outcome := make(chan error, 1)
		outcomes = append(outcomes, outcome)
		go func() {
			row, err := tb.do(ctx, auth.Rotation{SessionID: id})
			if err == nil && row.session.ID != id {
				err = fmt.Errorf("got the row of %s", row.session.ID)
			}
			outcome <- err
		}()
		for tb.waitingNow() == before {
			time.Sleep(time.Millisecond) //nolint:forbidigo // until the goroutine is in the queue
		}
	}
	return outcomes
}

func (tb *table) waitingNow() int {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	return len(tb.waiting)
}

// busy occupies everything by single statements.
func (tb *table) busy(t *testing.T) {
	t.Helper()
	for range tb.limit {
		go func() { _, _ = tb.do(t.Context(), auth.Rotation{SessionID: "first"}) }()
		wantSent(t, tb, "single first")
	}
}

func wantSent(t *testing.T, tb *table, want ...string) {
	t.Helper()
	if got := <-tb.sent; !slices.Equal(got, want) {
		t.Fatalf("sent %v, want %v", got, want)
	}
}

func TestSwaps_do(t *testing.T) {
	t.Run("Together", func(t *testing.T) {
		tb := newTable(1)
		tb.busy(t)
		outcomes := tb.come(t.Context(), t, "a", "b", "missing", "a")
		tb.release <- nil
		wantSent(t, tb, "a", "b", "missing") // no session twice
		tb.release <- nil
		wantSent(t, tb, "a")
		tb.release <- nil
		for i, want := range []error{nil, nil, gorm.ErrRecordNotFound, nil} {
			if err := <-outcomes[i]; !errors.Is(err, want) {
				t.Errorf("rotation %d: %v, want %v", i, err, want)
			}
		}
	})
	t.Run("AtMost", func(t *testing.T) {
		tb := newTable(1)
		tb.busy(t)
		var ids []string
		for i := range maxTogether + 1 {
			ids = append(ids, fmt.Sprint(i))
		}
		outcomes := tb.come(t.Context(), t, ids...)
		tb.release <- nil
		wantSent(t, tb, ids[:maxTogether]...)
		tb.release <- nil
		wantSent(t, tb, ids[maxTogether])
		tb.release <- nil
		for i := range outcomes {
			if err := <-outcomes[i]; err != nil {
				t.Errorf("rotation %d: %v", i, err)
			}
		}
	})
	t.Run("UnknownToAll", func(t *testing.T) {
		tb := newTable(2)
		tb.busy(t)
		outcomes := tb.come(t.Context(), t, "a", "b")
		tb.release <- nil
		wantSent(t, tb, "a", "b")
		trouble := errors.New("connection lost")
		tb.release <- nil // the other one that was busy
		tb.release <- trouble
		for i := range outcomes {
			if err := <-outcomes[i]; err == nil || errors.Is(err, gorm.ErrRecordNotFound) {
				t.Errorf("rotation %d: %v, want trouble", i, err)
			}
		}
	})
}

// What certainly did nothing is tried one by one.
func TestSwaps_doAlone(t *testing.T) {
	tb := newTable(1)
	tb.busy(t)
	outcomes := tb.come(t.Context(), t, "a", "b")
	tb.release <- nil
	wantSent(t, tb, "a", "b")
	tb.release <- fmt.Errorf("a row is held: %w", auth.ErrNothingDone)
	got := slices.Concat(<-tb.sent, <-tb.sent)
	slices.Sort(got)
	if want := []string{"single a", "single b"}; !slices.Equal(got, want) {
		t.Fatalf("sent %v, want %v", got, want)
	}
	fault := errors.New("fault")
	tb.release <- nil
	tb.release <- fault
	if a, b := <-outcomes[0], <-outcomes[1]; (a == nil) == (b == nil) {
		t.Errorf("outcomes are %v and %v, want one fault", a, b)
	}
}

// Who leaves while waiting is not rotated, and knows it; who leaves later does
// not know.
func TestSwaps_doCancelled(t *testing.T) {
	tb := newTable(1)
	tb.busy(t)
	ctx, cancel := context.WithCancel(t.Context())
	waits := tb.come(ctx, t, "leaves")[0]
	cancel()
	if err := <-waits; !errors.Is(err, context.Canceled) || !errors.Is(err, auth.ErrNothingDone) {
		t.Errorf("error is %v, want cancelled and nothing done", err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	under, stays := tb.come(ctx, t, "under way")[0], tb.come(t.Context(), t, "stays")[0]
	tb.release <- nil
	wantSent(t, tb, "under way", "stays")
	cancel()
	if err := <-under; !errors.Is(err, context.Canceled) || errors.Is(err, auth.ErrNothingDone) {
		t.Errorf("error is %v, want cancelled and nothing more", err)
	}
	tb.release <- nil
	if err := <-stays; err != nil {
		t.Errorf("who stays: %v", err)
	}
}

// A statement that takes long holds nobody up.
func TestSwaps_patience(t *testing.T) {
	tb := newTable(1)
	tb.patience = time.Millisecond
	tb.busy(t)
	go func() { _, _ = tb.do(t.Context(), auth.Rotation{SessionID: "a"}) }()
	if got := <-tb.sent; len(got) != 1 {
		t.Errorf("sent %v", got)
	}
	tb.release <- nil
	tb.release <- nil
}
