package auth

import (
	"context"
	"fmt"
	"slices"
	"time"
)

const (
	// feedBatch is how many events a follower takes from the log at once.
	feedBatch = 100
	// feedTries is how often a follower may fall behind by the whole log
	// before it has been told everything once.
	feedTries = 5
)

// FeedStream is the blacklist as one follower gets it: what happened after a
// moment, and in between what happens meanwhile; then a heartbeat, then what
// happens. Entries may come twice; none is left out. Who falls too far behind
// is told what it missed from the store, before the next heartbeat.
type FeedStream struct {
	*ending
	streams *Streams
	feed    *feed
	since   time.Time     // when it joined
	place   int64         // in the log; under the feed's lock
	more    chan struct{} // the log has more, maybe

	// These are used by Next alone.
	taken []FeedEvent // from the log
	told  time.Time   // up to when it has been told everything
	past  past
	// rejoined is when it fell out of the log while it was told the past: then
	// it is told once more, from where it began. Zero: it did not.
	rejoined time.Time
	tries    int
}

// past is what happened before a follower joined, as far as it is to be told.
type past struct {
	kinds  []FeedKind // to be read yet
	from   time.Time  // where it begins
	cursor FeedCursor
	page   []FeedEvent
	until  time.Time // up to when everything is known that is in it; zero: there is none to tell
}

// Blacklist opens a stream for the holder of an API key. Of what happened
// before now it tells what came after since, if that is given, as far as
// tokens live that it concerns. The caller closes it. CodeForbidden without
// the scope; CodeUnavailable while the clock is skewed.
func (s *Streams) Blacklist(caller APIKeyCaller, since *time.Time) (*FeedStream, error) {
	if err := caller.Require(ScopeBlacklistRead); err != nil {
		return nil, err
	}
	if _, err := s.Core.start(); err != nil {
		return nil, err
	}
	st := s.feed.join(since)
	st.streams = s
	s.joinKey(st, caller)
	return st, nil
}

// join adds a follower before it reads the past: what happens meanwhile is heard.
func (f *feed) join(since *time.Time) *FeedStream {
	now := f.Core.now()
	st := &FeedStream{ending: newEnding(), feed: f, since: now, more: make(chan struct{}, 1)}
	st.past.until = now.Add(-f.window())
	if since != nil {
		st.past = f.pastOf(*since, now)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	st.place = f.log.end()
	f.followers[st] = true
	return st
}

// pastOf goes back a window further than since, but not to where every token
// has ended.
func (f *feed) pastOf(since, now time.Time) past {
	from := since.Add(-f.window())
	if floor := now.Add(-f.Core.settings.AccessTTL - f.apart() - f.window()); from.Before(floor) {
		from = floor
	}
	return past{
		kinds: []FeedKind{FeedRevoked, FeedAccess, FeedRefresh, FeedRotated},
		from:  from, cursor: FeedCursor{At: from}, until: now.Add(-f.window()),
	}
}

// Next waits for the next event. Its error says why there is none any more:
// CodeUnavailable when the past could not be read, or the follower was too
// slow; it then asks again, since the last heartbeat.
func (st *FeedStream) Next(ctx context.Context) (FeedEvent, error) {
	for {
		if e, ok := st.heard(); ok {
			return e, nil
		}
		switch p := &st.past; {
		case st.over():
			return FeedEvent{}, st.err
		case len(p.page) > 0:
			e := p.page[0]
			p.page = p.page[1:]
			return e, nil
		case len(p.kinds) > 0:
			if err := st.read(ctx); err != nil {
				return FeedEvent{}, fmt.Errorf("reading the blacklist's past: %w", err)
			}
		case !st.rejoined.IsZero():
			st.past, st.rejoined = st.feed.pastOf(p.until, st.rejoined), time.Time{}
		case !p.until.IsZero():
			return st.beat(p.until), nil
		default:
			if err := st.await(ctx); err != nil {
				return FeedEvent{}, err
			}
		}
	}
}

// heard returns the next of what happened since it joined. While the past is
// told it has not been told everything, whatever heartbeats say.
func (st *FeedStream) heard() (FeedEvent, bool) {
	for !st.over() && (len(st.taken) > 0 || st.take()) {
		e := st.taken[0]
		st.taken = st.taken[1:]
		if e.Kind != FeedHeartbeat {
			return e, true
		}
		if st.past.until.IsZero() {
			return st.beat(e.At), true
		}
	}
	return FeedEvent{}, false
}

// take takes events from the log. Where they are gone it joins anew.
func (st *FeedStream) take() bool {
	st.feed.mu.Lock()
	defer st.feed.mu.Unlock()
	log := &st.feed.log
	if st.place < log.first {
		st.rejoin()
	}
	st.taken = slices.Clone(log.from(st.place, feedBatch))
	st.place += int64(len(st.taken))
	return len(st.taken) > 0
}

// rejoin goes on at the end of the log, and has what was missed read from the
// store. Who falls behind that often before it has been told everything once
// will never be. The caller holds the feed's lock.
func (st *FeedStream) rejoin() {
	now := st.feed.Core.now()
	st.place = st.feed.log.end()
	if st.tries++; st.tries > feedTries {
		st.end(Unavailable(errSlow))
		return
	}
	if st.past.until.IsZero() {
		st.past = st.feed.pastOf(st.told, now)
		return
	}
	st.rejoined = now
}

// read reads the next page of the past.
func (st *FeedStream) read(ctx context.Context) error {
	p := &st.past
	page, next, err := st.feed.page(ctx, p.kinds[0], p.cursor)
	if err != nil {
		return err
	}
	if next == nil { // that was the last of its kind
		p.kinds, next = p.kinds[1:], &FeedCursor{At: p.from}
	}
	p.cursor = *next
	p.page = st.living(page)
	return nil
}

// living leaves out what concerns tokens that have ended.
func (st *FeedStream) living(page []FeedEvent) []FeedEvent {
	now, kept := st.feed.Core.now(), page[:0]
	for _, e := range page {
		if st.feed.concerns(e, now) {
			kept = append(kept, e)
		}
	}
	return kept
}

// beat tells how far the follower has been told everything, which never goes
// back.
func (st *FeedStream) beat(position time.Time) FeedEvent {
	if position.After(st.told) {
		st.told = position
	}
	st.past, st.tries = past{}, 0
	return heartbeat(st.told)
}

// await waits for more in the log.
func (st *FeedStream) await(ctx context.Context) error {
	select {
	case <-st.more:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-st.ended:
		return st.err
	}
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
