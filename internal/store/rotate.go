package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"gorm.io/gorm"

	"rekey/internal/auth"
)

// Rotate implements [auth.Store]. While others are under way it waits for its
// turn together with all that come meanwhile: see [swaps].
func (s *Store) Rotate(ctx context.Context, r auth.Rotation) (auth.SessionState, error) {
	if !isID(r.SessionID) || !isID(r.UserID) {
		return auth.SessionState{}, auth.ErrMovedOn
	}
	const doing = "rotate a session"
	if err := checkText(r.UserAgent, r.IPAddress); err != nil {
		return auth.SessionState{}, fail(doing, err)
	}
	row, err := s.swaps.do(ctx, r)
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return auth.SessionState{}, auth.ErrMovedOn
	}
	if err != nil {
		return auth.SessionState{}, fail(doing, err)
	}
	return row.value(), nil
}

// swapSet and swapWhere are the compare-and-swap. Two of them on one row wait
// for each other; the second then judges the row as the first left it, and
// finds that the current secret is another.
//
// COALESCE(NULLIF(...)) stores the retry hash, unless there is none or it is
// that of the rotation before: then the attempt. A token that a clock ahead of
// the database's issued would be refused by everybody else.
const (
	swapSet = `UPDATE sessions SET
			generation = sessions.generation + 1,
			previous_hash = sessions.secret_hash,
			secret_hash = @next,
			rotated_at = CLOCK,
			retry_hash = COALESCE(NULLIF(@retry, sessions.retry_hash), @attempt),
			issued_at = @issued,
			access_expires_at = LEAST(@access, sessions.expires_at),
			refresh_expires_at = LEAST(@refresh, sessions.expires_at),
			last_seen_at = @now,
			user_agent = @agent,
			ip_address = @address`
	swapWhere = `
		WHERE sessions.id = @session AND sessions.user_id = @owner AND sessions.secret_hash = @current
			AND sessions.revoked_at IS NULL AND sessions.refresh_blacklisted_at IS NULL
			AND sessions.refresh_expires_at > @now AND sessions.expires_at > @now
			AND @issued <= CLOCK + @leeway`
)

// swapParams are the parameters in the order of swapArgs.
func swapParams() []string {
	return []string{"session", "owner", "current", "next", "retry", "attempt", "now", "issued", "leeway", "access", "refresh", "agent", "address"}
}

func swapArgs(r auth.Rotation) []any {
	return []any{
		r.SessionID, r.UserID, r.Current[:], r.Next[:], hashBytes(r.RetryHash), r.Attempt[:],
		micros(r.Now), micros(r.IssuedAt), r.ClockLeeway.Microseconds(), micros(r.AccessExpiresAt), micros(r.RefreshExpiresAt),
		r.UserAgent, r.IPAddress,
	}
}

// swapText fills in the clock, and for each parameter what spell makes of its
// name and its number, which begins with 1.
func (s *Store) swapText(template string, spell func(name string, number int) string) string {
	pairs := []string{"CLOCK", s.dialect.clock, "LEAST", s.dialect.least}
	for i, name := range swapParams() {
		pairs = append(pairs, "@"+name, spell(name, i+1))
	}
	return strings.NewReplacer(pairs...).Replace(template)
}

// byNumber spells a parameter as both engines know it: $1.
func byNumber(_ string, number int) string { return "$" + strconv.Itoa(number) }

// traced runs one statement and logs it as GORM's are.
func (s *Store) traced(ctx context.Context, text string, run func() error) error {
	begin := time.Now() //nolint:forbidigo // it is logged, and nothing is judged by it
	err := run()
	s.log.Trace(ctx, begin, func() (string, int64) {
		text, _ := s.log.ParamsFilter(ctx, text)
		return text, -1
	}, err)
	if err != nil {
		return fmt.Errorf("swapping: %w", err)
	}
	return nil
}
