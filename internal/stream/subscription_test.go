package stream

import (
	"context"
	"errors"
	"testing"
	"time"

	"rekey/internal/auth"
)

func TestSubscription(t *testing.T) {
	s := newSubscription(t.Context(), 2)
	for n := range int64(4) { // the third is too many, the fourth comes after the end
		s.send(auth.Change{Generation: n})
	}
	for want := range int64(2) {
		if got, err := s.Next(); got.Generation != want || err != nil {
			t.Errorf("%d, %v, want %d", got.Generation, err, want)
		}
	}
	s.end(errors.New("another reason"))
	if _, err := s.Next(); auth.AsError(err).Code != auth.CodeUnavailable || !errors.Is(err, errSlow) {
		t.Errorf("it ends with %v", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := newSubscription(gone, 1).Next(); !errors.Is(err, context.Canceled) {
		t.Errorf("without a reader: %v", err)
	}
}

// A rotation that arrives while a stream is opened is sent once it is known
// whether it is newer than the session that was read.
func TestSessionStream_early(t *testing.T) {
	st := &SessionStream{subscription: newSubscription(t.Context(), 8)}
	st.onChange(auth.Change{Kind: auth.ChangeRotated, Generation: 2})
	st.onChange(auth.Change{Kind: auth.ChangeRotated, Generation: 3})
	if len(st.changes) > 0 {
		t.Error("sent before the session was read")
	}
	st.begin(auth.Session{ExpiresAt: time.Unix(1, 0), Generation: 2})
	st.onChange(auth.Change{Kind: auth.ChangeRotated, Generation: 3}) // from the bus, too
	if c, err := st.Next(); err != nil || c.Generation != 3 || len(st.changes) > 0 {
		t.Errorf("%+v, %v and %d more", c, err, len(st.changes))
	}
}

func TestHub_Blacklist_scope(t *testing.T) {
	caller := auth.APIKeyCaller{Scopes: []auth.Scope{"other"}}
	if _, err := NewHub(Options{}).Blacklist(t.Context(), caller, nil); auth.AsError(err).Code != auth.CodeForbidden {
		t.Errorf("without the scope: %v", err)
	}
}
