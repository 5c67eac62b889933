package store

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"gorm.io/gorm"

	"rekey/internal/auth"
)

// Rotate implements [auth.Store]. While other rotations are in progress it
// waits and then shares a statement with those that wait too: see [batcher].
func (s *Store) Rotate(ctx context.Context, r auth.Rotation) (auth.SessionState, error) {
	if !isID(r.SessionID) || !isID(r.UserID) {
		return auth.SessionState{}, auth.ErrMovedOn
	}
	const doing = "rotating a session"
	if err := checkText(r.UserAgent, r.IPAddress, string(r.Transport)); err != nil {
		return auth.SessionState{}, fail(doing, err)
	}
	row, err := s.rotations.rotate(ctx, r)
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return auth.SessionState{}, auth.ErrMovedOn
	}
	if err != nil {
		return auth.SessionState{}, fail(doing, err)
	}
	return row.value(), nil
}

// rotateSet and rotateWhere are the compare-and-swap. Of two that change the
// same row, one waits for the other. It then finds the row as the other left
// it, with another current secret, and changes nothing.
//
// retry_hash becomes the hash of the retry key, or the attempt if there is no
// key or if it is the key of the previous rotation. The last condition rejects
// a token issued by a clock that is ahead of the database's: all others would
// refuse the token.
//
// The subquery reads the clock once for all columns that depend on it. A run that
// began less than a window ago continues (see [auth.Run]).
const (
	rotateSet = `UPDATE sessions SET
			generation = sessions.generation + 1,
			previous_hash = sessions.secret_hash,
			secret_hash = @next,
			(rotated_at, run_at, run_iat, before_run_at, before_run_iat) = (SELECT t.now,
				CASE WHEN CONTINUES THEN sessions.run_at ELSE t.now END,
				CASE WHEN CONTINUES THEN sessions.run_iat ELSE sessions.issued_at END,
				CASE WHEN CONTINUES THEN sessions.before_run_at ELSE sessions.run_at END,
				CASE WHEN CONTINUES THEN sessions.before_run_iat ELSE sessions.run_iat END
				FROM (SELECT CLOCK AS now) t),
			retry_hash = COALESCE(NULLIF( @retry, sessions.retry_hash), @attempt),
			issued_at = @issued,
			access_expires_at = LEAST(@access, sessions.expires_at),
			refresh_expires_at = LEAST(@refresh, sessions.expires_at),
			last_seen_at = @now,
			user_agent = @agent,
			ip_address = @address,
			rotated_by = @transport`
	continues  = "sessions.run_at > t.now - @reuse_window"
	rotateLive = `
		WHERE sessions.id = @session AND sessions.user_id = @owner AND sessions.secret_hash = @current
			AND sessions.revoked_at IS NULL
			AND sessions.refresh_expires_at > @now AND sessions.expires_at > @now
			AND @issued <= CLOCK + @leeway`
	rotateWhere = rotateLive + ` AND sessions.refresh_blacklisted_at IS NULL`
	// rotateParams are the parameters in the order of rotateArgs.
	rotateParams = "session, owner, current, next, retry, attempt, now, issued, leeway, reuse_window, access, refresh, agent, address, transport"
)

func rotateArgs(r *auth.Rotation) []any {
	return []any{
		r.SessionID, r.UserID, r.Current[:], r.Next[:], hashBytes(r.RetryHash), r.Attempt[:],
		micros(r.Now), micros(r.IssuedAt), r.ClockLeeway.Microseconds(), r.ReuseWindow.Microseconds(),
		micros(r.AccessExpiresAt), micros(r.RefreshExpiresAt), r.UserAgent, r.IPAddress, string(r.Transport),
	}
}

// rotateStatement fills in the dialect's expressions and, for each parameter,
// what param returns for its name and its number, which starts at 1.
func (s *Store) rotateStatement(template string, param func(name string, number int) string) string {
	pairs := []string{"CLOCK", s.dialect.clock, "LEAST", s.dialect.least}
	for i, name := range strings.Split(rotateParams, ", ") {
		pairs = append(pairs, "@"+name, param(name, i+1))
	}
	return strings.NewReplacer(pairs...).Replace(strings.ReplaceAll(template, "CONTINUES", continues))
}

// numbered writes a parameter in the form that both engines know: $1.
func numbered(_ string, number int) string { return "$" + strconv.Itoa(number) }

// Reauthenticate implements [auth.Store]. The lock of the user's row makes it wait for
// a change that disables the user, or revokes all sessions.
func (s *Store) Reauthenticate(ctx context.Context, r auth.Reauthentication, e *auth.Event) (st auth.SessionState, err error) {
	const doing = "authenticating a session again"
	if !isID(r.SessionID) || !isID(r.UserID) {
		return st, auth.ErrMovedOn
	}
	if err := checkText(r.UserAgent, r.IPAddress, string(r.Transport), string(r.Method)); err != nil {
		return st, fail(doing, err)
	}
	err = s.transaction(ctx, func(tx *gorm.DB) error {
		locked, err := s.lockUser(tx, r.UserID, nil)
		if err != nil {
			return err
		}
		if !locked {
			return auth.ErrMovedOn
		}
		if err := redeem(tx, r.UserID, r.Redeem, r.Now); err != nil {
			return err
		}
		if st, err = s.rotateIn(tx, &r.Rotation, r.Method, rotateWhere); err != nil {
			return err
		}
		return record(tx, eventsIf(true, e))
	})
	if err != nil {
		return auth.SessionState{}, fail(doing, err)
	}
	return st, nil
}

// rotateProof adds the proof of a credential to the compare-and-swap.
const rotateProof = `,
			authenticated_at = @now,
			methods = CASE WHEN (' ' || sessions.methods || ' ') LIKE @known THEN sessions.methods ELSE TRIM(sessions.methods || @method) END`

// rotateIn is the compare-and-swap of Rotate as a statement of a transaction, with
// the condition where. If a method is given, the rotation also records its proof.
func (s *Store) rotateIn(tx *gorm.DB, r *auth.Rotation, method auth.Method, where string) (auth.SessionState, error) {
	set := rotateSet + `, refresh_blacklisted_at = NULL`
	if method != "" {
		set += rotateProof
	}
	text := s.rotateStatement(set+where+`
		RETURNING `+each(sessionColumns, "sessions.", "")+`, `+each(userColumns, "(SELECT u.", " FROM users u WHERE u.id = sessions.user_id)")+`, CLOCK, false`,
		func(name string, _ int) string { return "@" + name })
	p := params{"known": "% " + string(method) + " %", "method": " " + string(method)}
	for i, name := range strings.Split(rotateParams, ", ") {
		p[name] = rotateArgs(r)[i]
	}
	rows, err := collect[stateRow](tx, text, p)
	if err != nil {
		return auth.SessionState{}, err
	}
	if len(rows) == 0 {
		return auth.SessionState{}, auth.ErrMovedOn
	}
	return rows[0].value(), nil
}

// trace logs a statement that did not run through GORM as GORM's are logged.
func (s *Store) trace(ctx context.Context, begin time.Time, text string, err error) {
	s.log.Trace(ctx, begin, func() (string, int64) {
		text, _ := s.log.ParamsFilter(ctx, text)
		return text, -1
	}, err)
}
