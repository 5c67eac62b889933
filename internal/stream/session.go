package stream

import (
	"context"
	"time"

	"rekey/internal/auth"
)

// A session stream also sends warnings of these kinds, with the time of expiry
// as ExpiresAt.
const (
	// TokenExpiring says that the access token expires soon: a refresh is due.
	TokenExpiring auth.ChangeKind = "token_expiring"
	// SessionExpiring says that the session expires with the access token: a
	// login is due, a refresh would not help.
	SessionExpiring auth.ChangeKind = "session_expiring"
)

const (
	// expiringWithin is how long before the expiry its warning is sent.
	expiringWithin = time.Minute
	// sessionBuffer is far more than what a session sends to a client that reads.
	sessionBuffer = 16
)

// SessionStream sends the changes of an access token's session to the token's
// holder, and ends when the token becomes invalid.
type SessionStream struct {
	*subscription
	claims   auth.Claims
	secret   auth.SecretHash
	tokenEnd time.Time

	// These are guarded by the hub's lock.
	sessionEnd time.Time // zero until the session was read
	generation int64
	warned     bool          // of the expiry
	early      []auth.Change // rotations that arrived before the session was read
}

// Session opens a stream, which also ends with ctx. The caller closes it.
func (h *Hub) Session(ctx context.Context, caller auth.Caller) (*SessionStream, error) {
	st := h.join(ctx, caller)
	// Read after joining, so that no change is missed in between.
	session, err := h.opts.Core.AccessSession(ctx, caller.Claims)
	if err != nil {
		st.Close()
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	st.begin(session)
	return st, nil
}

// Watch waits until the caller's access token is no longer valid, and returns
// the reason, or ctx's cause if ctx ends first.
func (h *Hub) Watch(ctx context.Context, caller auth.Caller) error {
	st := h.join(ctx, caller)
	defer st.Close()
	for {
		if _, err := st.Next(); err != nil {
			return err
		}
	}
}

func (h *Hub) join(ctx context.Context, caller auth.Caller) *SessionStream {
	c := caller.Claims
	st := &SessionStream{subscription: newSubscription(ctx, sessionBuffer), claims: c, secret: auth.HashSecret(c.Secret)}
	// A token from a time with a longer ACCESS_TTL is valid for the current one.
	st.tokenEnd = earlier(c.ExpiresAt, c.IssuedAt.Add(h.opts.AccessTTL))
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sessions[c.SessionID] = append(h.sessions[c.SessionID], st)
	return st
}

// begin sends what arrived before the session was read and is newer.
func (st *SessionStream) begin(s auth.Session) {
	st.sessionEnd, st.generation = s.ExpiresAt, s.Generation
	for _, c := range st.early {
		st.rotated(c)
	}
	st.early = nil
}

// open reports whether the session was read. A stream of Watch never is.
func (st *SessionStream) open() bool { return !st.sessionEnd.IsZero() }

// onChange handles a change of the session from the bus.
func (st *SessionStream) onChange(c auth.Change) {
	switch c.Kind {
	case auth.ChangeRotated:
		st.rotated(c)
		if !c.Overlaps() && c.SecretHash != nil && c.SecretHash.Equal(st.secret) {
			st.end(c.Err())
		}
	case auth.ChangeRevoked:
		st.revoked(c, c.Err())
	case auth.ChangeAccess:
		if c.SecretHash != nil && c.SecretHash.Equal(st.secret) {
			st.end(c.Err())
		}
	}
}

// onState handles the session as it was read from the store. err is the error
// that the access token is refused with, nil while it is valid.
func (st *SessionStream) onState(s auth.Session, err error) {
	if s.RotatedAt != nil {
		st.rotated(auth.Change{Kind: auth.ChangeRotated, At: *s.RotatedAt, Generation: s.Generation})
	}
	switch {
	case err == nil:
	case s.RevokedAt != nil:
		st.revoked(auth.Change{Kind: auth.ChangeRevoked, At: *s.RevokedAt, Reason: s.RevokedReason}, err)
	default:
		st.end(err)
	}
}

func (st *SessionStream) rotated(c auth.Change) {
	switch {
	case !st.open() && len(st.early) < sessionBuffer:
		st.early = append(st.early, c)
	case st.open() && c.Generation > st.generation:
		st.generation = c.Generation
		st.send(c)
	}
}

func (st *SessionStream) revoked(c auth.Change, err error) {
	c.Generation = st.generation
	st.send(c)
	st.end(err)
}

// checkExpiry warns before the access token expires, and ends the stream then.
func (st *SessionStream) checkExpiry(now time.Time) {
	switch {
	case !now.Before(st.tokenEnd):
		st.end(auth.InvalidToken(auth.TokenFailure{Fault: auth.FaultExpired, ExpiredBy: now.Sub(st.tokenEnd)}))
	case st.warned || !st.open() || now.Before(st.tokenEnd.Add(-expiringWithin)):
	default:
		st.warned = true
		c := auth.Change{Kind: TokenExpiring, At: now, Generation: st.generation, ExpiresAt: st.tokenEnd}
		if !st.sessionEnd.After(st.tokenEnd) {
			c.Kind = SessionExpiring
		}
		st.send(c)
	}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
