package store

import (
	"context"
	"time"

	"rekey/internal/auth"
)

// CleanMargin is how long rows are kept after they expired. A replica whose
// clock is behind may still accept the token of such a row.
const CleanMargin = 10 * time.Minute

// MailRetention is how long a mail that was not sent is kept after it expired, so
// that operators see the dead letters.
const MailRetention = 30 * 24 * time.Hour

// CleanLock is the advisory lock that a statement of Clean holds on Postgres.
const CleanLock = 7_236_021_911_409

// Clean deletes blacklisted tokens and sessions that expired CleanMargin or more
// ago, one-time tokens that expired long enough ago for their tries not to count
// any longer, and mails that expired MailRetention ago, at most limit of each, so
// that no statement takes long. The database's
// clock decides: a replica whose clock is ahead must not delete what the others
// still need. If several replicas clean at the same time, one of them does the
// work and the others find nothing to do. Clean returns how many rows it
// deleted, not counting tokens that were deleted with their session. Call it
// again while that is limit or more. Its error is CodeUnavailable.
func (s *Store) Clean(ctx context.Context, limit int) (int, error) {
	p := params{"margin": CleanMargin.Microseconds(), "limit": limit}
	tokens, err := s.exec(ctx, nil, s.deleteExpired("blacklisted_tokens", "session_id, secret_hash, use"), p)
	if err != nil {
		return 0, fail("deleting expired tokens", err)
	}
	sessions, err := s.exec(ctx, nil, s.deleteExpired("sessions", "id"), p)
	if err != nil {
		return int(tokens), fail("deleting expired sessions", err)
	}
	p["margin"] = (auth.CodeTriesWindow + CleanMargin).Microseconds()
	once, err := s.exec(ctx, nil, s.deleteExpired("one_time_tokens", "hash"), p)
	if err != nil {
		return int(tokens + sessions), fail("deleting expired one-time tokens", err)
	}
	p["margin"] = MailRetention.Microseconds()
	mails, err := s.exec(ctx, nil, s.deleteExpired("mails", "id"), p)
	return int(tokens + sessions + once + mails), fail("deleting expired mails", err)
}

// deleteExpired returns a statement that does not wait: it skips locked rows.
// The clock and the lock are subqueries of their own, so that they are evaluated
// once and the index on expires_at is used.
func (s *Store) deleteExpired(table, key string) string {
	return s.deleteSome(table, key, `expires_at <= (SELECT `+s.dialect.clock+` - @margin)`, "expires_at")
}

func (s *Store) deleteOldEvents() string {
	return s.deleteSome("security_events", "id", "id < @before", "id")
}

func (s *Store) deleteSome(table, key, where, order string) string {
	return `DELETE FROM ` + table + ` WHERE (` + key + `) IN (
		SELECT ` + key + ` FROM ` + table + ` WHERE ` + where + `
		` + s.dialect.tryLock(CleanLock) + ` ORDER BY ` + order + ` LIMIT @limit ` + s.dialect.skipLocked + `)`
}

// CleanJournal deletes events that are older than keep, at most limit, and
// returns how many, as Clean does.
func (s *Store) CleanJournal(ctx context.Context, keep time.Duration, limit int) (int, error) {
	now, err := s.Now(ctx)
	if err != nil {
		return 0, err
	}
	n, err := s.exec(ctx, nil, s.deleteOldEvents(), params{"before": auth.FirstID(now.Add(-keep)).String(), "limit": limit})
	return int(n), fail("deleting old events", err)
}

// cleanBatch is how many rows one statement of KeepClean deletes at most.
const cleanBatch = 500

// KeepClean cleans at intervals until ctx is done, in small batches. It cleans
// the journal too, unless keepEvents is 0. It logs failures and tries again at
// the next interval.
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
	for err == nil && n >= cleanBatch {
		n, err = clean()
	}
	if err != nil && ctx.Err() == nil { // errors while the process stops are ignored
		s.log.log.WarnContext(ctx, "deleting expired rows failed; will retry", "error", auth.Cause(err))
	}
}
