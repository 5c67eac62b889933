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

// table is the database of a batcher. Statements wait for release.
type table struct {
	*batcher
	sent    chan []string
	release chan error
}

func newTable(slots int) *table {
	tb := &table{sent: make(chan []string, 100), release: make(chan error)}
	tb.batcher = &batcher{
		single: func(_ context.Context, r *auth.Rotation) (stateRow, error) {
			err := tb.run([]string{"single " + r.SessionID})
			var row stateRow
			row.Session.ID = r.SessionID
			return row, err
		},
		batch: func(_ context.Context, batch []*pending) error {
			var ids []string
			for _, p := range batch {
				ids = append(ids, p.rotation.SessionID)
				p.row.Session.ID, p.found = p.rotation.SessionID, p.rotation.SessionID != "missing"
			}
			return tb.run(ids)
		},
		slots: slots, timeout: time.Minute, slotTime: time.Hour,
	}
	return tb
}

func (tb *table) run(ids []string) error {
	tb.sent <- ids
	return <-tb.release
}

// come starts rotations one after the other and returns their outcomes.
func (tb *table) come(ctx context.Context, t *testing.T, ids ...string) []chan error {
	t.Helper()
	var outcomes []chan error
	for _, id := range ids {
		before := tb.waiting()
		outcome := make(chan error, 1)
		outcomes = append(outcomes, outcome)
		go func() {
			row, err := tb.rotate(ctx, auth.Rotation{SessionID: id})
			if err == nil && row.Session.ID != id {
				err = fmt.Errorf("got the row of %s", row.Session.ID)
			}
			outcome <- err
		}()
		for tb.waiting() == before {
			time.Sleep(time.Millisecond) //nolint:forbidigo // until the goroutine is in the queue
		}
	}
	return outcomes
}

func (tb *table) waiting() int {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	return len(tb.queue)
}

// busy occupies all slots with single statements.
func (tb *table) busy(t *testing.T) {
	t.Helper()
	for range tb.slots {
		go func() { _, _ = tb.rotate(t.Context(), auth.Rotation{SessionID: "first"}) }()
		wantSent(t, tb, "single first")
	}
}

func wantSent(t *testing.T, tb *table, want ...string) {
	t.Helper()
	if got := <-tb.sent; !slices.Equal(got, want) {
		t.Fatalf("sent %v, want %v", got, want)
	}
}

func TestBatcher_rotate(t *testing.T) {
	t.Run("Batch", func(t *testing.T) {
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
	t.Run("MaxBatch", func(t *testing.T) {
		tb := newTable(1)
		tb.busy(t)
		var ids []string
		for i := range maxBatch + 1 {
			ids = append(ids, fmt.Sprint(i))
		}
		outcomes := tb.come(t.Context(), t, ids...)
		tb.release <- nil
		wantSent(t, tb, ids[:maxBatch]...)
		tb.release <- nil
		wantSent(t, tb, ids[maxBatch])
		tb.release <- nil
		for i := range outcomes {
			if err := <-outcomes[i]; err != nil {
				t.Errorf("rotation %d: %v", i, err)
			}
		}
	})
	t.Run("UnknownOutcome", func(t *testing.T) {
		tb := newTable(2)
		tb.busy(t)
		outcomes := tb.come(t.Context(), t, "a", "b")
		tb.release <- nil
		wantSent(t, tb, "a", "b")
		lost := errors.New("connection lost")
		tb.release <- nil // the other slot
		tb.release <- lost
		for i := range outcomes {
			if err := <-outcomes[i]; err == nil || errors.Is(err, gorm.ErrRecordNotFound) {
				t.Errorf("rotation %d: %v, want the connection's error", i, err)
			}
		}
	})
}

// The rotations of a batch that certainly did nothing are tried one by one.
func TestBatcher_rotate_single(t *testing.T) {
	tb := newTable(1)
	tb.busy(t)
	outcomes := tb.come(t.Context(), t, "a", "b")
	tb.release <- nil
	wantSent(t, tb, "a", "b")
	tb.release <- fmt.Errorf("a row is locked: %w", auth.ErrNothingDone)
	got := slices.Concat(<-tb.sent, <-tb.sent)
	slices.Sort(got)
	if want := []string{"single a", "single b"}; !slices.Equal(got, want) {
		t.Fatalf("sent %v, want %v", got, want)
	}
	fault := errors.New("fault")
	tb.release <- nil
	tb.release <- fault
	if a, b := <-outcomes[0], <-outcomes[1]; (a == nil) == (b == nil) {
		t.Errorf("outcomes are %v and %v, want one error", a, b)
	}
}

// A caller that gives up while it waits learns that nothing was done. One that
// gives up later learns that the outcome is unknown.
func TestBatcher_rotate_cancelled(t *testing.T) {
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
		t.Errorf("the other caller: %v", err)
	}
}

// A statement that takes long frees its slot.
func TestBatcher_slotTime(t *testing.T) {
	tb := newTable(1)
	tb.slotTime = time.Millisecond
	tb.busy(t)
	go func() { _, _ = tb.rotate(t.Context(), auth.Rotation{SessionID: "a"}) }()
	if got := <-tb.sent; len(got) != 1 {
		t.Errorf("sent %v", got)
	}
	tb.release <- nil
	tb.release <- nil
}
