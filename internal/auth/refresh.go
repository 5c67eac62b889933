package auth

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// RefreshInput is a refresh token to be replaced.
type RefreshInput struct {
	Token string
	// IdempotencyKey has 16 to 128 visible ASCII characters and is new for each
	// rotation, or empty. The same key gets the same pair again.
	IdempotencyKey string
	Replaces       string // see LoginInput
}

// Refresh replaces a refresh token by a new pair, and blacklists the old one. A
// repeated request gets the same pair again (see judgeParent).
//
// It returns CodeUnauthenticated with the reason; CodeBadUserInput for the
// idempotency key; CodeRateLimited; or CodeUnavailable, and then the same token
// works again.
func (s *Service) Refresh(ctx context.Context, in RefreshInput, c Client) (g Grant, err error) {
	ctx, now, end, err := s.begin(ctx, StepRefresh, c)
	defer end(&err)
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
		return Grant{}, isMissing.err()
	}
	g, err = refresh{core: s, claims: claims, retry: retry, client: c, now: now}.run(ctx)
	if err == nil {
		s.endReplaced(ctx, in.Replaces, g.Session.ID, now, c)
	}
	return g, err
}

// refresh is one refresh in progress.
type refresh struct {
	core   *Service
	claims Claims
	retry  *SecretHash
	client Client
	now    time.Time
}

// errNoSwap is the cause if the session changed back and forth, or if its
// rotation would have been issued ahead of the database's clock.
var errNoSwap = errors.New("the swap found no row, but the token is current")

// run swaps the secret. If the swap finds no row, run reads the session to find
// out why. If the token is current all the same, because the row changed back
// meanwhile or a write was lost, run swaps once more, then returns
// CodeUnavailable.
func (r refresh) run(ctx context.Context) (Grant, error) {
	if err := r.invalidate(ctx); err != nil {
		return Grant{}, err
	}
	for range 2 {
		g, err := r.swap(ctx)
		if !errors.Is(err, ErrMovedOn) {
			return g, err
		}
		st, err := r.core.sessionState(ctx, r.claims.SessionID, HashSecret(r.claims.Secret))
		if errors.Is(err, ErrNotFound) {
			return Grant{}, isMissing.err()
		}
		if err != nil {
			return Grant{}, err
		}
		if v := r.core.judgeRefresh(st, r.claims, r.presented()); v != isCurrent {
			return r.resolve(ctx, v, st)
		}
	}
	return Grant{}, Unavailable(errors.Join(errNoSwap, r.core.CheckClock(ctx)))
}

// invalidate invalidates the access token of the presented pair, before the swap can
// commit.
func (r refresh) invalidate(ctx context.Context) error {
	parent := HashSecret(r.claims.Secret)
	return r.core.cache.Invalidate(ctx, Invalidation{
		SessionID: r.claims.SessionID,
		Secret:    &parent,
		Until:     r.claims.IssuedAt.Add(r.core.settings.AccessTTL),
		Grace:     r.core.settings.AccessOverlap,
	})
}

// presented returns what the judge has to know of the request.
func (r refresh) presented() presentation {
	return presentation{retry: r.retry, client: r.client, at: r.now}
}

// swap rotates the session by one compare-and-swap, and signs the pair.
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

// rotate sends the swap to the store as a step of its own.
func (r refresh) rotate(ctx context.Context, rot Rotation) (_ SessionState, err error) {
	ctx, end := observe(ctx, r.core.observer, StepSwap, Client{})
	defer end(&err)
	return r.core.store.Rotate(ctx, rot)
}

func (r refresh) rotation(child string) Rotation {
	// iat never decreases along a chain, even if the clocks of replicas differ:
	// a token with a later iat than its session's proves that a write was lost.
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
		ReuseWindow:      r.core.settings.ReuseWindow,
		AccessExpiresAt:  iat.Add(r.core.settings.AccessTTL),
		RefreshExpiresAt: iat.Add(r.core.settings.RefreshTTL),
		UserAgent:        r.client.UserAgent,
		IPAddress:        r.client.Address,
		Transport:        r.client.Transport,
	}
}

// confirmSwap finds out whether a swap of unknown outcome was committed: the
// row then has its mark. Otherwise it returns the swap's own error and remembers
// the mark, because the swap may still commit.
func (r refresh) confirmSwap(ctx context.Context, rot Rotation, swapErr error) (SessionState, error) {
	if errors.Is(swapErr, ErrNothingDone) {
		return SessionState{}, swapErr
	}
	st, err := r.core.sessionState(ctx, rot.SessionID, rot.Next)
	marked := err == nil && (st.Session.RetryHash.matches(rot.Attempt) ||
		rot.RetryHash != nil && st.Session.RetryHash.matches(*rot.RetryHash))
	if marked && st.Session.SecretHash.Equal(rot.Next) &&
		judgeSession(st, r.claims.User.ID, r.now) == 0 && st.Session.RefreshBlacklistedAt == nil {
		return st, nil
	}
	r.core.unacknowledged.remember(rot.Attempt)
	return SessionState{}, swapErr
}
