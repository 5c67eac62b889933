package store

import (
	"context"
	"time"

	"rekey/internal/auth"
)

// CleanMargin is how long rows are kept past their end. A replica whose clock
// is behind may still take the token of such a row for one that is good.
const CleanMargin = 10 * time.Minute

// CleanLock is the advisory lock that a statement of Clean holds on Postgres.
const CleanLock = 7_236_021_911_409

// Clean deletes blacklisted tokens and sessions whose end is CleanMargin or
// more ago, at most limit of each, so that no statement takes long. The
// database's clock decides: a replica whose own is ahead must not delete what
// the others still need. Of replicas that clean at once one does it, and the
// others find nothing to do. It returns how many rows went (tokens that went along
// with their session are not counted); call it again while that is limit or
// more. CodeUnavailable.
func (s *Store) Clean(ctx context.Context, limit int) (int, error) {
	p := params{"margin": CleanMargin.Microseconds(), "limit": limit}
	tokens, err := s.exec(ctx, s.deleteExpired("blacklisted_tokens", "session_id, secret_hash, use"), p)
	if err != nil {
		return 0, fail("delete expired tokens", err)
	}
	sessions, err := s.exec(ctx, s.deleteExpired("sessions", "id"), p)
	return int(tokens + sessions), fail("delete expired sessions", err)
}

// deleteExpired waits for nobody: it skips rows that somebody else holds. The
// clock and the lock are subqueries of their own, so that they are asked once
// and the index on expires_at is used.
func (s *Store) deleteExpired(table, key string) string {
	return `DELETE FROM ` + table + ` WHERE (` + key + `) IN (
		SELECT ` + key + ` FROM ` + table + ` WHERE expires_at <= (SELECT ` + s.dialect.clock + ` - @margin)
		` + s.dialect.alone(CleanLock) + ` ORDER BY expires_at LIMIT @limit ` + s.dialect.skipLocked + `)`
}

// CleanJournal deletes events that are older than keep, at most limit, and
// returns how many, as Clean does.
func (s *Store) CleanJournal(ctx context.Context, keep time.Duration, limit int) (int, error) {
	now, err := s.Now(ctx)
	if err != nil {
		return 0, err
	}
	n, err := s.exec(ctx, s.deleteOldEvents(), params{"before": firstID(now.Add(-keep)), "limit": limit})
	return int(n), fail("delete old events", err)
}

func (s *Store) deleteOldEvents() string {
	return `DELETE FROM security_events WHERE id IN (
		SELECT id FROM security_events WHERE id < @before
		` + s.dialect.alone(CleanLock) + ` ORDER BY id LIMIT @limit ` + s.dialect.skipLocked + `)`
}

// cleanBatch is how many rows one statement of KeepClean deletes at most.
const cleanBatch = 500

// KeepClean cleans every so often until ctx ends, in small batches, the journal
// too unless keepEvents is 0. What fails is logged, and tried again the next
// time.
func (s *Store) KeepClean(ctx context.Context, every, keepEvents time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		s.inBatches(ctx, func() (int, error) { return s.Clean(ctx, cleanBatch) })
		if keepEvents > 0 {
			s.inBatches(ctx, func() (int, error) { return s.CleanJournal(ctx, keepEvents, cleanBatch) })
		}
	}
}

func (s *Store) inBatches(ctx context.Context, clean func() (int, error)) {
	n, err := cleanBatch, error(nil)
	for err == nil && n == cleanBatch {
		n, err = clean()
	}
	if err != nil && ctx.Err() == nil { // the end of the process is no trouble
		s.log.log.WarnContext(ctx, "cleaning up failed, it is tried again", "error", auth.Cause(err))
	}
}
