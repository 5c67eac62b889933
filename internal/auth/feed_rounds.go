package auth

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	// scanEvery is how often rotations are looked for in the store while the
	// bus works, and scanFast while it does not, or the last look failed.
	// scanShare and scanShareFast are how many times as long as a look took is
	// waited before the next.
	scanEvery     = 30 * time.Second
	scanFast      = 5 * time.Second
	scanShare     = 20
	scanShareFast = 5
	// heartbeatEvery is how many ticks, seconds that is, are between two.
	heartbeatEvery = 15
	// beatWithin is how much later than it is due a look may be made before
	// heartbeats wait for it.
	beatWithin = heartbeatEvery * time.Second
	feedPage   = 1000
	// scanPage is how many sessions one statement looks at: some 2 ms.
	scanPage = 2000
)

// rounds is how far the looks into the store have come.
type rounds struct {
	ticks    int
	polled   time.Time // begin of the last look by index that succeeded
	scanned  time.Time // begin of the last look for rotations that succeeded
	covered  int       // of the bus' gaps, those before it
	lastScan time.Time // begin of the last one, zero when one is due
	scanTook time.Duration
	// Whether the last ones failed.
	pollFailed, scanFailed bool
}

// feedState is what a round begins with.
type feedState struct {
	followers int
	begin     time.Time // when the follower who is here longest came
	busLost   bool
	gaps      int
}

// round does what is due at a tick. A skewed clock finds nothing of what
// the others write, and what it vouched for would mislead who comes again:
// followers are sent away, and looks begin anew when it is right.
func (f *feed) round(ctx context.Context) {
	now := f.Core.now()
	if f.Core.ClockSkewed() {
		f.dismiss(Unavailable(errClockSkewed))
	}
	st := f.state(now)
	if st.followers == 0 {
		f.rounds = rounds{covered: st.gaps}
		return
	}
	if f.polled.IsZero() { // the first follower came since the last round
		f.polled, f.scanned = st.begin, st.begin
	}
	failed := f.pollFailed || f.scanFailed
	err := f.poll(ctx, now)
	if f.scanDue(now, st) {
		err = errors.Join(err, f.scan(ctx, now, st))
	}
	f.report(ctx, failed, err)
	if f.ticks++; f.ticks%heartbeatEvery == 0 && f.upToDate(now, st) && f.Core.CheckClock(ctx) == nil {
		f.beat()
	}
}

// state also drops what is kept for followers while there are none.
func (f *feed) state(now time.Time) feedState {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dropEnded()
	st := feedState{followers: len(f.followers), begin: now, busLost: f.busLost, gaps: f.gaps}
	if st.followers == 0 {
		f.log.forget(f.log.end())
		f.seen.at = map[entryID]int64{}
	}
	for follower := range f.followers {
		st.begin = earlier(st.begin, follower.since)
	}
	return st
}

// poll looks for what has an index in the order of time.
func (f *feed) poll(ctx context.Context, now time.Time) error {
	err := f.look(ctx, f.polled, FeedRevoked, FeedAccess, FeedRefresh)
	if f.pollFailed = err != nil; !f.pollFailed {
		f.polled = now
	}
	return err
}

// pace is how long after the last scan the next one is due. A scan reads every
// session, so that the time it takes bounds how often it is made.
func (f *feed) pace(st feedState) time.Duration {
	switch {
	case st.gaps != f.covered && !f.scanFailed: // at once, as far as the last one allows
		return scanShareFast * f.scanTook
	case st.busLost || f.scanFailed:
		return max(scanFast, scanShareFast*f.scanTook)
	}
	return max(scanEvery, scanShare*f.scanTook)
}

func (f *feed) scanDue(now time.Time, st feedState) bool {
	return !now.Before(f.lastScan.Add(f.pace(st)))
}

// scan looks for rotations. A gap of the bus is closed when it has succeeded.
func (f *feed) scan(ctx context.Context, now time.Time, st feedState) error {
	err := f.look(ctx, f.scanned, FeedRotated)
	f.lastScan, f.scanTook, f.scanFailed = now, f.Core.now().Sub(now), err != nil
	if err != nil {
		return err
	}
	f.scanned, f.covered = now, st.gaps
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seen.forget(f.position()) // which no look will find again
	return nil
}

// look tells what the store has, from a window before a moment on.
func (f *feed) look(ctx context.Context, from time.Time, kinds ...FeedKind) error {
	for _, kind := range kinds {
		for after := (&FeedCursor{At: from.Add(-f.window())}); after != nil; {
			page, next, err := f.page(ctx, kind, *after)
			if err != nil {
				return fmt.Errorf("looking for what was %s: %w", kind, err)
			}
			f.tell(page...)
			after = next
		}
	}
	return nil
}

// page reads one page, and says where the next begins.
func (f *feed) page(ctx context.Context, kind FeedKind, after FeedCursor) (page []FeedEvent, next *FeedCursor, err error) {
	limit := feedPage
	if kind == FeedRotated {
		limit = scanPage
	}
	page, next, err = f.Feed.Blacklisted(ctx, kind, after, limit)
	for i := range page {
		page[i] = f.complete(page[i])
	}
	return page, next, err
}

// report logs when looks begin to fail and when they are well again.
func (f *feed) report(ctx context.Context, failed bool, err error) {
	fails := f.pollFailed || f.scanFailed
	switch {
	case ctx.Err() != nil: // the end of the process is no trouble
	case fails && !failed:
		f.Core.logger.WarnContext(ctx, "the blacklist cannot be read for its followers, it is tried again", "error", Cause(err))
	case failed && !fails:
		f.Core.logger.InfoContext(ctx, "the blacklist can be read for its followers again")
	}
}

// position is up to when everything has been told.
func (f *feed) position() time.Time { return earlier(f.polled, f.scanned).Add(-f.window()) }

// upToDate reports whether the looks are as recent as they are meant to be: who
// hears a heartbeat takes the blacklist for complete.
func (f *feed) upToDate(now time.Time, st feedState) bool {
	return !f.scanFailed && now.Sub(f.polled) <= beatWithin && now.Sub(f.scanned) <= f.pace(st)+beatWithin
}

// beat tells followers how far they have been told everything.
func (f *feed) beat() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.log.add(heartbeat(f.position()))
	f.spread()
}
