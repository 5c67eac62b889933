package store

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"rekey/internal/auth"
)

var _ auth.FeedStore = (*Store)(nil)

// feedRow is an entry of the blacklist, whichever way it got there.
type feedRow struct {
	session     string
	at, expires int64
	secret      []byte
	issued      *int64
	reason      string
}

func feedFields(r *feedRow) []any {
	return []any{&r.session, &r.at, &r.expires, &r.secret, &r.issued, &r.reason}
}

// Blacklisted implements [auth.FeedStore]. Every kind but FeedRotated has an
// index in this order.
func (s *Store) Blacklisted(ctx context.Context, kind auth.FeedKind, after auth.FeedCursor, limit int) ([]auth.FeedEvent, *auth.FeedCursor, error) {
	statement, err := feedStatement(kind)
	if err != nil {
		return nil, nil, err
	}
	if !isID(after.SessionID) {
		after.SessionID = uuid.Nil.String()
	}
	var next *auth.FeedCursor
	p := params{"at": micros(after.At), "session": after.SessionID, "secret": after.Secret[:], "limit": limit}
	if kind == auth.FeedRotated {
		if next, err = s.lastOf(ctx, after, limit); err != nil {
			return nil, nil, fail("read the blacklist", err)
		}
		p["last"] = uuid.Max.String()
		if next != nil {
			p["last"] = next.SessionID
		}
	}
	rows, err := query(ctx, s.read, statement, p, feedFields)
	if err != nil {
		return nil, nil, fail("read the blacklist", err)
	}
	events := make([]auth.FeedEvent, len(rows))
	for i, row := range rows {
		events[i] = fromFeedRow(kind, row)
	}
	if kind != auth.FeedRotated && len(events) == limit {
		next = cursorOf(events[limit-1])
	}
	return events, next, nil
}

// lastOf returns the place of the last of the next sessions, nil when there are
// fewer. Ids are of rising time, so that sessions lie on disk in about their
// order. Whatever the planner believes of rotated_at, it takes this way: its
// statistics of that are always old.
func (s *Store) lastOf(ctx context.Context, after auth.FeedCursor, sessions int) (*auth.FeedCursor, error) {
	ids, err := query(ctx, s.read, `SELECT id FROM sessions WHERE id > @session ORDER BY id LIMIT 1 OFFSET @skip`,
		params{"session": after.SessionID, "skip": sessions - 1}, func(id *string) []any { return []any{id} })
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	return &auth.FeedCursor{At: after.At, SessionID: ids[0]}, nil
}

func cursorOf(e auth.FeedEvent) *auth.FeedCursor {
	c := auth.FeedCursor{At: e.At, SessionID: e.SessionID}
	if e.SecretHash != nil {
		c.Secret = *e.SecretHash
	}
	return &c
}

func feedStatement(kind auth.FeedKind) (string, error) {
	switch kind {
	case auth.FeedRevoked:
		return sessionFeed("revoked_at", "NULL, NULL", "revoked_reason"), nil
	case auth.FeedRefresh:
		return sessionFeed("refresh_blacklisted_at", "secret_hash, NULL", "'blacklisted'"), nil
	case auth.FeedRotated:
		return `SELECT id, rotated_at, 0, previous_hash, issued_at, 'rotated' FROM sessions
			WHERE id > @session AND id <= @last AND rotated_at > @at`, nil
	case auth.FeedAccess:
		return `SELECT session_id, blacklisted_at, expires_at, secret_hash, NULL, 'blacklisted' FROM blacklisted_tokens
			WHERE (blacklisted_at, session_id, secret_hash) > ( @at, @session, @secret)
			ORDER BY blacklisted_at, session_id, secret_hash LIMIT @limit`, nil
	}
	return "", fmt.Errorf("no way into the blacklist is called %q", string(kind))
}

// sessionFeed selects by a time of sessions; each has one entry at most.
func sessionFeed(at, secretAndIssued, reason string) string {
	return fmt.Sprintf(`SELECT id, %[1]s, 0, %[2]s, %[3]s FROM sessions
		WHERE %[1]s IS NOT NULL AND (%[1]s, id) > ( @at, @session) ORDER BY %[1]s, id LIMIT @limit`,
		at, secretAndIssued, reason)
}

func fromFeedRow(kind auth.FeedKind, r feedRow) auth.FeedEvent {
	e := auth.FeedEvent{
		Kind: kind, SessionID: r.session, SecretHash: fromHashPtr(r.secret), IssuedBefore: fromMicrosPtr(r.issued),
		Reason: r.reason, At: fromMicros(r.at),
	}
	if r.expires != 0 {
		e.ExpiresAt = fromMicros(r.expires)
	}
	switch kind {
	case auth.FeedAccess:
		e.Use = auth.UseAccess
	case auth.FeedRefresh:
		e.Use = auth.UseRefresh
	}
	return e
}
