package auth

import (
	"context"
	"errors"
	"testing"
	"time"
)

func TestQueue(t *testing.T) {
	q := newQueue[int](2)
	q.add(1)
	q.add(2)
	q.add(3) // too many
	q.add(4) // after the end
	for _, want := range []int{1, 2} {
		if got, err := q.next(t.Context()); got != want || err != nil {
			t.Errorf("%d, %v, want %d", got, err, want)
		}
	}
	q.end(errors.New("another reason"))
	if _, err := q.next(t.Context()); AsError(err).Code != CodeUnavailable || !errors.Is(err, errSlow) {
		t.Errorf("it ends with %v", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := newQueue[int](1).next(gone); !errors.Is(err, context.Canceled) {
		t.Errorf("without a reader: %v", err)
	}
}

// A rotation that is heard while a stream is opened is told once it is known
// whether it is news.
func TestSessionStream_early(t *testing.T) {
	st := &SessionStream{queue: newQueue[SessionEvent](8)}
	st.hear(Notice{Kind: NoticeRotated, Generation: 2})
	st.hear(Notice{Kind: NoticeRotated, Generation: 3})
	if len(st.items) > 0 {
		t.Error("told before anything is known")
	}
	st.sessionEnd, st.generation = time.Unix(1, 0), 2
	for _, e := range st.early {
		st.rotated(e)
	}
	st.hear(Notice{Kind: NoticeRotated, Generation: 3}) // from elsewhere, too
	if e, err := st.next(t.Context()); err != nil || e.Generation != 3 || len(st.items) > 0 {
		t.Errorf("%+v, %v and %d more", e, err, len(st.items))
	}
}

func TestAPIKeyCaller_Require(t *testing.T) {
	if err := (APIKeyCaller{Scopes: []Scope{"other"}}).Require(ScopeBlacklistRead); AsError(err).Code != CodeForbidden {
		t.Errorf("without the scope: %v", err)
	}
	s := NewStreams(StreamOptions{Core: &Service{now: time.Now}})
	if _, err := s.Blacklist(APIKeyCaller{}, nil); AsError(err).Code != CodeForbidden {
		t.Errorf("a feed without the scope: %v", err)
	}
}
