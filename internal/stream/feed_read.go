package stream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rekey/internal/auth"
)

const (
	// scanEvery is how often rotations are read from the store while the bus
	// works, and scanFast while it does not, or after a scan that failed. The
	// next scan waits at least scanShare or scanShareFast times as long as the
	// last one took.
	scanEvery     = 30 * time.Second
	scanFast      = 5 * time.Second
	scanShare     = 20
	scanShareFast = 5
	// heartbeatTicks is how many ticks, one a second, are between heartbeats.
	heartbeatTicks = 15
	// overdue limits the delay of a read. After it, heartbeats wait for the read.
	overdue  = heartbeatTicks * time.Second
	pageSize = 1000
	// scanPageSize limits the sessions that one statement reads, in some 2 ms.
	scanPageSize = 2000
)

// progress is how far the store was read. Only tick uses it.
type progress struct {
	ticks int
	// When the last poll and the last scan that succeeded began.
	polled, scanned time.Time
	lastScan        time.Time // when the last scan began
	scanTook        time.Duration
	coveredGaps     int // how many of the bus's gaps a scan has covered
	// The errors of the last poll and of the last scan.
	pollErr, scanErr error
}

// feedState holds the state at the beginning of a tick.
type feedState struct {
	since   time.Time // zero if the feed is idle
	busLost bool
	busGaps int
}

// tick does what is due. A replica whose clock is skewed does not find what the
// others write, and its heartbeats would mislead followers: it disconnects
// them, and reads again when its clock is right.
func (f *feed) tick(ctx context.Context) {
	if f.opts.Core.ClockSkewed() {
		f.disconnect(auth.Unavailable(errClockSkewed))
	}
	now := f.opts.Now()
	st := f.state(now)
	if st.since.IsZero() {
		f.progress = progress{coveredGaps: st.busGaps}
		return
	}
	if f.polled.IsZero() {
		f.polled, f.scanned = st.since, st.since
	}
	failedBefore := f.readErr() != nil
	f.poll(ctx, now)
	if !now.Before(f.lastScan.Add(f.scanInterval(st))) {
		f.scan(ctx, now, st)
	}
	f.logFailure(ctx, failedBefore)
	if f.ticks++; f.ticks%heartbeatTicks != 0 {
		return
	}
	// A follower that gets a heartbeat takes its list for complete.
	upToDate := f.scanErr == nil && now.Sub(f.polled) <= overdue && now.Sub(f.scanned) <= f.scanInterval(st)+overdue
	if upToDate && f.opts.Core.CheckClock(ctx) == nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.log.add(heartbeat(f.watermark()))
		f.deliver()
	}
}

// state also resets a feed that had no followers for long enough.
func (f *feed) state(now time.Time) feedState {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.deliver()
	if len(f.followers) > 0 {
		f.followed = now
	} else if now.Sub(f.followed) >= linger {
		f.reset()
	}
	return feedState{since: f.since, busLost: f.busLost, busGaps: f.busGaps}
}

func (f *feed) readErr() error { return errors.Join(f.pollErr, f.scanErr) }

// poll reads the kinds that have an index in the order of time.
func (f *feed) poll(ctx context.Context, now time.Time) {
	for _, kind := range auth.ChangeKinds() {
		if kind == auth.ChangeRotated {
			continue
		}
		if f.pollErr = f.read(ctx, kind, f.polled); f.pollErr != nil {
			return
		}
	}
	f.polled = now
}

// scan reads the rotations, and with that covers the gaps of the bus.
func (f *feed) scan(ctx context.Context, now time.Time, st feedState) {
	f.scanErr = f.read(ctx, auth.ChangeRotated, f.scanned)
	f.lastScan, f.scanTook = now, f.opts.Now().Sub(now)
	if f.scanErr != nil {
		return
	}
	f.scanned, f.coveredGaps = now, st.busGaps
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seen.forget(f.watermark()) // no read will find these again
}

// scanInterval is how long after the last scan the next one is due. A scan
// reads every session, so its duration bounds how often scans happen.
func (f *feed) scanInterval(st feedState) time.Duration {
	switch {
	case st.busGaps != f.coveredGaps && f.scanErr == nil: // as soon as the last scan's duration allows
		return scanShareFast * f.scanTook
	case st.busLost || f.scanErr != nil:
		return max(scanFast, scanShareFast*f.scanTook)
	}
	return max(scanEvery, scanShare*f.scanTook)
}

// read broadcasts the store's changes of a kind, beginning a window before from.
func (f *feed) read(ctx context.Context, kind auth.ChangeKind, from time.Time) error {
	for after := (&auth.ChangeCursor{At: from.Add(-f.window())}); after != nil; {
		page, next, err := f.readPage(ctx, kind, *after)
		if err != nil {
			return fmt.Errorf("reading changes of the kind %s: %w", kind, err)
		}
		f.broadcast(page...)
		after = next
	}
	return nil
}

// readPage returns one page, and where the next begins.
func (f *feed) readPage(ctx context.Context, kind auth.ChangeKind, after auth.ChangeCursor) ([]auth.Change, *auth.ChangeCursor, error) {
	limit := pageSize
	if kind == auth.ChangeRotated {
		limit = scanPageSize
	}
	page, next, err := f.opts.Store.Changes(ctx, kind, after, limit)
	for i := range page {
		page[i] = f.complete(page[i])
	}
	return page, next, err
}

// logFailure logs when reads begin to fail and when they succeed again.
func (f *feed) logFailure(ctx context.Context, failedBefore bool) {
	err := f.readErr()
	switch {
	case ctx.Err() != nil: // the end of the process is not a failure
	case err != nil && !failedBefore:
		f.opts.Logger.WarnContext(ctx, "reading the blacklist for its followers failed; will retry, they get no heartbeats until it succeeds", "error", auth.Cause(err))
	case err == nil && failedBefore:
		f.opts.Logger.InfoContext(ctx, "reading the blacklist for its followers succeeded again")
	}
}

// watermark is the moment up to which followers have been sent everything.
func (f *feed) watermark() time.Time { return earlier(f.polled, f.scanned).Add(-f.window()) }
