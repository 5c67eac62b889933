package auth

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Refresh replaces a refresh token: a new pair, and the old one is
// blacklisted. A repeated request gets the same pair again (see judgeParent).
//
// Errors: CodeUnauthenticated with the reason; CodeBadUserInput for the
// idempotency key; CodeRateLimited; CodeUnavailable, and then the same token
// works again.
func (s *Service) Refresh(ctx context.Context, in RefreshInput, c Client) (g Grant, err error) {
	ctx, end := observe(ctx, s.observer, StepRefresh, c)
	defer end(&err)
	now, err := s.start()
	if err != nil {
		return Grant{}, err
	}
	claims, err := s.verify(ctx, UseRefresh, in.Token, now, c)
	if err != nil {
		return Grant{}, err
	}
	retry, err := hashIdempotencyKey(in.IdempotencyKey)
	if err != nil {
		return Grant{}, err
	}
	if !canonicalID(claims.SessionID) {
		return Grant{}, sessionMissing()
	}
	r := refresh{core: s, claims: claims, retry: retry, client: c, now: now}
	g, err = r.run(ctx)
	if err == nil {
		s.endReplaced(ctx, in.Replaces, g.Session.ID, now, c)
	}
	return g, err
}

// refresh is one refresh under way.
type refresh struct {
	core   *Service
	claims Claims
	retry  *SecretHash
	client Client
	now    time.Time
}

// errNoSwap: the session moved to and fro, or its rotation would have been
// issued ahead of the database's clock.
var errNoSwap = errors.New("the swap found no row, but the token is current")

// run swaps, and where that finds no row asks why. A token that is current
// all the same (the row changed back in between, or a lost write) is swapped
// once more, then the client is asked to come again.
func (r refresh) run(ctx context.Context) (Grant, error) {
	if err := r.invalidateParent(ctx); err != nil {
		return Grant{}, err
	}
	for range 2 {
		g, err := r.swap(ctx)
		if !errors.Is(err, ErrMovedOn) {
			return g, err
		}
		st, err := r.state(ctx)
		if err != nil {
			return Grant{}, err
		}
		if v := r.core.judgeRefresh(st, r.claims, r.retry, r.now); v != isCurrent {
			return r.resolve(ctx, v, st)
		}
	}
	return Grant{}, Unavailable(errors.Join(errNoSwap, r.core.CheckClock(ctx)))
}

// invalidateParent doubts the parent's access token before the swap can commit.
func (r refresh) invalidateParent(ctx context.Context) error {
	parent := HashSecret(r.claims.Secret)
	return r.core.cache.Invalidate(ctx, Invalidation{
		SessionID: r.claims.SessionID,
		Secret:    &parent,
		Until:     r.claims.IssuedAt.Add(r.core.settings.AccessTTL),
		Grace:     r.core.settings.AccessOverlap,
	})
}

// swap rotates by one compare-and-swap.
func (r refresh) swap(ctx context.Context) (Grant, error) {
	child := deriveSecret(r.core.rotationKeys()[0], r.claims.SessionID, r.claims.Secret)
	rot := r.rotation(child)
	st, err := r.rotate(ctx, rot)
	if err != nil && AsError(err).Code == CodeUnavailable {
		st, err = r.confirmSwap(ctx, rot, err)
	}
	if err != nil {
		return Grant{}, fmt.Errorf("rotating a session: %w", err)
	}
	r.core.events.Emit(ctx, r.event(EventRefresh, ""))
	return r.core.grant(ctx, st.User, st.Session, child, r.now)
}

func (r refresh) rotate(ctx context.Context, rot Rotation) (_ SessionState, err error) {
	ctx, end := observe(ctx, r.core.observer, StepSwap, Client{})
	defer end(&err)
	return r.core.store.Rotate(ctx, rot)
}

func (r refresh) rotation(child string) Rotation {
	// iat never runs backwards along a chain, whichever replica's clock is
	// ahead: a later iat than the session's means that a write was lost.
	iat := r.now.Truncate(time.Second)
	if iat.Before(r.claims.IssuedAt) {
		iat = r.claims.IssuedAt
	}
	return Rotation{
		SessionID:        r.claims.SessionID,
		UserID:           r.claims.User.ID,
		Current:          HashSecret(r.claims.Secret),
		Next:             HashSecret(child),
		RetryHash:        r.retry,
		Attempt:          HashSecret(newSecret()),
		Now:              r.now,
		IssuedAt:         iat,
		ClockLeeway:      r.core.settings.ClockLeeway,
		AccessExpiresAt:  iat.Add(r.core.settings.AccessTTL),
		RefreshExpiresAt: iat.Add(r.core.settings.RefreshTTL),
		UserAgent:        r.client.UserAgent,
		IPAddress:        r.client.Address,
	}
}

// confirmSwap finds out whether a swap of unknown outcome landed: the row then
// bears its mark. Otherwise it returns the swap's own error, and remembers the
// mark: the swap may land yet, or be seen only later.
func (r refresh) confirmSwap(ctx context.Context, rot Rotation, swapErr error) (SessionState, error) {
	if errors.Is(swapErr, ErrNothingDone) {
		return SessionState{}, swapErr
	}
	st, err := r.core.store.SessionState(ctx, rot.SessionID, rot.Next)
	if err != nil {
		r.core.unacknowledged.remember(rot.Attempt)
		return SessionState{}, swapErr
	}
	marked := st.Session.RetryHash.matches(rot.Attempt) ||
		rot.RetryHash != nil && st.Session.RetryHash.matches(*rot.RetryHash)
	landed := marked && st.Session.SecretHash.Equal(rot.Next)
	if landed && judgeSession(st, r.claims.User.ID, r.now) == 0 && st.Session.RefreshBlacklistedAt == nil {
		return st, nil
	}
	r.core.unacknowledged.remember(rot.Attempt)
	return SessionState{}, swapErr
}

func (r refresh) state(ctx context.Context) (SessionState, error) {
	st, err := r.core.store.SessionState(ctx, r.claims.SessionID, HashSecret(r.claims.Secret))
	if errors.Is(err, ErrNotFound) {
		return SessionState{}, sessionMissing()
	}
	if err != nil {
		return SessionState{}, fmt.Errorf("reading the state of a session: %w", err)
	}
	return st, nil
}
