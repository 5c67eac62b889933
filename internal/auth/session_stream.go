package auth

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// SessionEventKind says what a SessionEvent is about.
type SessionEventKind string

// The kinds.
const (
	SessionRotated SessionEventKind = "rotated"
	SessionRevoked SessionEventKind = "revoked"
	// TokenExpiring: a refresh is due.
	TokenExpiring SessionEventKind = "token_expiring"
	// SessionExpiring: a login is due, a refresh would not help.
	SessionExpiring SessionEventKind = "session_expiring"
)

// SessionEvent is something that happened to a session, or is about to.
type SessionEvent struct {
	Kind       SessionEventKind
	At         time.Time // when it happened; for what is about to, when it was told
	Generation int64     // of the session, as far as it is known by then
	Reason     string    // why it was revoked
	ExpiresAt  time.Time // when what is about to end ends; else zero
	// Address and UserAgent are of whom the rotation answered; empty where
	// only the store told of it.
	Address   string
	UserAgent string
}

const (
	// expiringWithin is how early an end is told.
	expiringWithin = time.Minute
	// sessionQueue is far more than a session has to tell a client that listens.
	sessionQueue = 16
)

// SessionStream tells the holder of an access token about the token's session,
// and ends when the token does.
type SessionStream struct {
	*queue[SessionEvent]
	streams *Streams
	caller  Caller
	secret  SecretHash
	silent  bool // nobody reads events

	// These change under the lock of streams.
	tokenEnd   time.Time
	sessionEnd time.Time // zero: not known
	generation int64
	expiring   bool           // that it ends soon was told
	early      []SessionEvent // rotations heard before generation was known
}

// Session opens a stream. The caller closes it.
func (s *Streams) Session(ctx context.Context, caller Caller) (*SessionStream, error) {
	st := s.join(caller, false)
	// Read after joining: what happens from here on is heard.
	state, err := s.Core.store.SessionState(ctx, caller.SessionID, st.secret)
	switch {
	case errors.Is(err, ErrNotFound):
		err = sessionMissing()
	case err != nil:
		err = fmt.Errorf("reading the state of a session: %w", err)
	default:
		if v := s.Core.judgeAccess(state, caller.Claims, s.Core.now()); v != isCurrent {
			err = v.err()
		}
	}
	if err != nil {
		st.Close()
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	st.sessionEnd, st.generation = state.Session.ExpiresAt, state.Session.Generation
	for _, e := range st.early {
		st.rotated(e)
	}
	return st, nil
}

// Watch waits until the caller's access token authenticates no longer, and
// returns why; ctx's cause when that ends before.
func (s *Streams) Watch(ctx context.Context, caller Caller) error {
	st := s.join(caller, true)
	defer st.Close()
	_, err := st.next(ctx)
	return err
}

func (s *Streams) join(caller Caller, silent bool) *SessionStream {
	st := &SessionStream{
		queue: newQueue[SessionEvent](sessionQueue), streams: s, caller: caller, silent: silent,
		secret:   HashSecret(caller.Claims.Secret),
		tokenEnd: earlier(caller.Claims.ExpiresAt, caller.Claims.IssuedAt.Add(s.Core.settings.AccessTTL)),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sessions[caller.SessionID] == nil {
		s.sessions[caller.SessionID] = map[*SessionStream]bool{}
	}
	s.sessions[caller.SessionID][st] = true
	return st
}

// Next waits for the next event. Its error says why there is none any more:
// CodeUnauthenticated when the token has ended, CodeUnavailable when the
// follower was too slow.
func (st *SessionStream) Next(ctx context.Context) (SessionEvent, error) { return st.next(ctx) }

// Close ends the stream.
func (st *SessionStream) Close() {
	st.streams.mu.Lock()
	defer st.streams.mu.Unlock()
	st.end(context.Canceled)
	st.streams.drop(st)
}

// hear learns from a notice.
func (st *SessionStream) hear(n Notice) {
	switch n.Kind {
	case NoticeRotated:
		st.rotated(SessionEvent{At: n.At, Generation: n.Generation, Address: n.Address, UserAgent: n.UserAgent})
	case NoticeRevoked:
		v := isRevoked
		if n.Reason == RevokedByDisabling {
			v = isUserDisabled
		}
		st.revoked(n.At, n.Reason, v)
	case NoticeBlacklisted:
		if n.Use == UseAccess && n.SecretHash.matches(st.secret) {
			st.end(isBlacklisted.err())
		}
	}
}

// learn learns from the store, with the verdict on the access token.
func (st *SessionStream) learn(state SessionState, v verdict) {
	if at := state.Session.RotatedAt; at != nil {
		st.rotated(SessionEvent{At: *at, Generation: state.Session.Generation})
	}
	switch {
	case v == isCurrent:
	case state.Session.RevokedAt != nil:
		st.revoked(*state.Session.RevokedAt, state.Session.RevokedReason, v)
	default:
		st.end(v.err())
	}
}

// open reports whether the stream knows its session.
func (st *SessionStream) open() bool { return !st.sessionEnd.IsZero() }

func (st *SessionStream) rotated(e SessionEvent) {
	switch {
	case st.silent:
	case !st.open():
		st.early = append(st.early, e)
	case e.Generation > st.generation:
		st.generation, e.Kind = e.Generation, SessionRotated
		st.add(e)
	}
}

func (st *SessionStream) revoked(at time.Time, reason string, v verdict) {
	if !st.silent {
		st.add(SessionEvent{Kind: SessionRevoked, At: at, Generation: st.generation, Reason: reason})
	}
	st.end(v.err())
}

// judgeTime tells that the end is near, or ends.
func (st *SessionStream) judgeTime(now time.Time) {
	switch {
	case !now.Before(st.tokenEnd):
		st.end(InvalidToken(TokenFailure{Fault: FaultExpired, ExpiredBy: now.Sub(st.tokenEnd)}))
	case st.expiring || st.silent || !st.open() || now.Before(st.tokenEnd.Add(-expiringWithin)):
	default:
		st.expiring = true
		e := SessionEvent{Kind: TokenExpiring, At: now, Generation: st.generation, ExpiresAt: st.tokenEnd}
		if !st.sessionEnd.After(st.tokenEnd) {
			e.Kind = SessionExpiring
		}
		st.add(e)
	}
}
