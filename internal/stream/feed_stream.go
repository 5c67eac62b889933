package stream

import (
	"context"
	"fmt"
	"slices"
	"time"

	"rekey/internal/auth"
)

// readAhead is how many changes a follower copies from the log at once.
const readAhead = 100

// FeedStream is the blacklist as one follower gets it: what happened since a
// moment, mixed with what happens meanwhile; then a heartbeat, then what
// happens. Changes may come twice. A follower that falls behind by more than the
// log holds is disconnected; it reconnects with the At of its last heartbeat, and
// has then missed nothing.
type FeedStream struct {
	*subscription
	feed   *feed
	offset int64         // in the log; guarded by the feed's lock
	wake   chan struct{} // there may be more in the log

	// These are used by Next alone.
	buffered  []auth.Change // from the log
	watermark time.Time     // up to when it has been sent everything
	replay    *replay       // nil once it is over
}

// replay is the history that a follower still has to be sent.
type replay struct {
	kinds  []auth.ChangeKind // not read to the end yet
	from   time.Time
	cursor auth.ChangeCursor
	page   []auth.Change
	until  time.Time // up to when the follower has everything afterwards
}

// Blacklist opens a stream for the holder of an API key. If since is given it
// begins with what happened after that, as far as it concerns unexpired tokens.
// The stream also ends with ctx. The caller closes it. It returns CodeForbidden without the scope, and
// CodeUnavailable while the clock is skewed.
func (h *Hub) Blacklist(ctx context.Context, caller auth.APIKeyCaller, since *time.Time) (*FeedStream, error) {
	if err := caller.Require(auth.ScopeBlacklistRead); err != nil {
		return nil, err
	}
	if h.opts.Core.ClockSkewed() {
		return nil, auth.Unavailable(errClockSkewed)
	}
	st := h.feed.join(ctx, since)
	h.joinKey(st.subscription, caller)
	return st, nil
}

// replaySince goes back a window further than since, but not to where all
// tokens have expired.
func (f *feed) replaySince(since *time.Time, now time.Time) *replay {
	r := &replay{until: now.Add(-f.window())}
	if since == nil {
		return r
	}
	r.kinds, r.from = auth.ChangeKinds(), since.Add(-f.window())
	if oldest := now.Add(-f.opts.AccessTTL - f.clockDistance() - f.window()); r.from.Before(oldest) {
		r.from = oldest
	}
	r.cursor.At = r.from
	return r
}

// Next waits for the next change. Its error is the reason why there are no
// more. CodeUnavailable asks the follower to
// reconnect: history could not be read, the follower was too slow, or the clock
// is skewed.
func (st *FeedStream) Next() (auth.Change, error) {
	for {
		if c, ok := st.live(); ok {
			return c, nil
		}
		switch r := st.replay; {
		case st.ended():
			return auth.Change{}, context.Cause(st.ctx)
		case r == nil:
			select {
			case <-st.wake:
			case <-st.ctx.Done():
			}
		case len(r.page) > 0:
			c := r.page[0]
			r.page = r.page[1:]
			return c, nil
		case len(r.kinds) > 0:
			if err := st.readPage(r); err != nil && !st.ended() {
				return auth.Change{}, err
			}
		default:
			st.replay = nil
			return st.heartbeat(r.until), nil
		}
	}
}

// live returns the next change from the log. It leaves out heartbeats until
// the replay is over: the follower does not have everything yet.
func (st *FeedStream) live() (auth.Change, bool) {
	for !st.ended() && (len(st.buffered) > 0 || st.fill()) {
		c := st.buffered[0]
		st.buffered = st.buffered[1:]
		if c.Kind != Heartbeat {
			return c, true
		}
		if st.replay == nil {
			return st.heartbeat(c.At), true
		}
	}
	return auth.Change{}, false
}

// fill copies changes from the log, and reports whether there were any.
func (st *FeedStream) fill() bool {
	st.feed.mu.Lock()
	defer st.feed.mu.Unlock()
	if st.ended() { // its offset may be gone
		return false
	}
	st.buffered = slices.Clone(st.feed.log.from(st.offset, readAhead))
	st.offset += int64(len(st.buffered))
	return len(st.buffered) > 0
}

// readPage reads the next page of the replay, without what concerns expired
// tokens alone.
func (st *FeedStream) readPage(r *replay) error {
	page, next, err := st.feed.readPage(st.ctx, r.kinds[0], r.cursor)
	if err != nil {
		return fmt.Errorf("reading the blacklist's history: %w", err)
	}
	if next == nil { // that was the last page of its kind
		r.kinds, next = r.kinds[1:], &auth.ChangeCursor{At: r.from}
	}
	now := st.feed.opts.Now()
	r.cursor = *next
	r.page = slices.DeleteFunc(page, func(c auth.Change) bool { return !st.feed.concerns(c, now) })
	return nil
}

// heartbeat says up to when the follower has everything, which never goes back.
func (st *FeedStream) heartbeat(at time.Time) auth.Change {
	if at.After(st.watermark) {
		st.watermark = at
	}
	return heartbeat(st.watermark)
}
