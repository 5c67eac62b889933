package auth

import (
	"context"
	"fmt"
	"time"
)

// FeedStream is the blacklist as one follower gets it: first what happened
// after a moment, then a heartbeat, then what happens. Entries may come twice;
// none is left out.
type FeedStream struct {
	*queue[FeedEvent]
	streams *Streams
	feed    *feed
	since   time.Time // when it joined
	told    time.Time // up to when it has been told everything; under feed's lock

	// These are used by Next alone.
	kinds  []FeedKind // to be replayed yet
	from   time.Time  // where the past begins
	cursor FeedCursor
	page   []FeedEvent
	first  time.Time // of the first heartbeat, zero once that was told
}

// Blacklist opens a stream for the holder of an API key. Of what happened
// before now it tells what came after since, if that is given, as far as
// tokens live that it concerns. The caller closes it. CodeForbidden without
// the scope.
func (s *Streams) Blacklist(caller KeyCaller, since *time.Time) (*FeedStream, error) {
	if err := caller.Require(ScopeBlacklistRead); err != nil {
		return nil, err
	}
	f, now := s.feed, s.Core.Now()
	told := now.Add(-f.window())
	st := &FeedStream{queue: newQueue[FeedEvent](feedQueue), streams: s, feed: f, since: now, told: told, first: told}
	if since != nil {
		st.kinds = []FeedKind{FeedRevoked, FeedAccess, FeedRefresh, FeedRotated}
		st.from = f.replayFrom(*since, now)
		st.cursor.At = st.from
	}
	s.joinKey(st, caller)
	// Joining first: what happens while the past is read is heard.
	f.mu.Lock()
	defer f.mu.Unlock()
	f.followers[st] = true
	return st, nil
}

// replayFrom goes back a window further, but not to where every token has ended.
func (f *feed) replayFrom(since, now time.Time) time.Time {
	from := since.Add(-f.window())
	if floor := now.Add(-f.Core.AccessTTL - f.window()); from.Before(floor) {
		return floor
	}
	return from
}

// Next waits for the next event. Its error says why there is none any more:
// CodeUnavailable when the past could not be read, or the follower was too
// slow; it then asks again, since the last heartbeat.
func (st *FeedStream) Next(ctx context.Context) (FeedEvent, error) {
	for len(st.kinds) > 0 || len(st.page) > 0 {
		if st.over() {
			return FeedEvent{}, st.err
		}
		if len(st.page) > 0 {
			e := st.page[0]
			st.page = st.page[1:]
			return e, nil
		}
		if err := st.read(ctx); err != nil {
			return FeedEvent{}, fmt.Errorf("reading the blacklist's past: %w", err)
		}
	}
	if at := st.first; !at.IsZero() {
		st.first = time.Time{}
		return heartbeat(at), nil
	}
	return st.next(ctx)
}

// read reads the next page of the past.
func (st *FeedStream) read(ctx context.Context) error {
	page, next, err := st.feed.page(ctx, st.kinds[0], st.cursor)
	if err != nil {
		return err
	}
	if next == nil { // that was the last of its kind
		st.kinds, next = st.kinds[1:], &FeedCursor{At: st.from}
	}
	st.cursor = *next
	st.page = st.living(page)
	return nil
}

// living leaves out what concerns tokens that have ended.
func (st *FeedStream) living(page []FeedEvent) []FeedEvent {
	now, kept := st.feed.Core.Now(), page[:0]
	for _, e := range page {
		if e.ExpiresAt.After(now) {
			kept = append(kept, e)
		}
	}
	return kept
}

// beat tells how far the follower has been told everything, which never goes
// back. The caller holds the feed's lock.
func (st *FeedStream) beat(position time.Time) {
	if position.After(st.told) {
		st.told = position
	}
	st.add(heartbeat(st.told))
}

func heartbeat(at time.Time) FeedEvent {
	return FeedEvent{Kind: FeedHeartbeat, At: at, EffectiveAt: at, ExpiresAt: at}
}

// Close ends the stream.
func (st *FeedStream) Close() {
	st.end(context.Canceled)
	st.streams.dropKey(st)
	st.feed.mu.Lock()
	defer st.feed.mu.Unlock()
	delete(st.feed.followers, st)
}
