package resolvers

import (
	"encoding/hex"
	"time"

	"rekey/graph/model"
	"rekey/internal/auth"
)

func sessionEventOf(e auth.SessionEvent) *model.SessionEvent {
	return &model.SessionEvent{
		Kind:       sessionEventKindOf(e.Kind),
		At:         e.At,
		Generation: int(e.Generation),
		Reason:     nonEmpty(e.Reason),
		ExpiresAt:  nonZero(e.ExpiresAt),
		UserAgent:  nonEmpty(e.UserAgent),
		IPAddress:  nonEmpty(e.Address),
	}
}

func sessionEventKindOf(kind auth.SessionEventKind) model.SessionEventKind {
	switch kind {
	case auth.SessionRotated:
		return model.SessionEventKindRotated
	case auth.SessionRevoked:
		return model.SessionEventKindRevoked
	case auth.SessionExpiring:
		return model.SessionEventKindSessionExpiring
	default:
		return model.SessionEventKindTokenExpiring
	}
}

func blacklistEventOf(e auth.FeedEvent) *model.BlacklistEvent {
	event := &model.BlacklistEvent{
		Kind:         blacklistEventKindOf(e.Kind),
		SessionID:    nonEmpty(e.SessionID),
		IssuedBefore: e.IssuedBefore,
		Reason:       nonEmpty(e.Reason),
		At:           e.At,
		EffectiveAt:  e.EffectiveAt,
		ExpiresAt:    e.ExpiresAt,
	}
	if e.SecretHash != nil {
		hash := hex.EncodeToString(e.SecretHash[:])
		event.SecretHash = &hash
	}
	if e.Use != "" {
		use := tokenUseOf(e.Use)
		event.Use = &use
	}
	return event
}

func blacklistEventKindOf(kind auth.FeedKind) model.BlacklistEventKind {
	switch kind {
	case auth.FeedRevoked:
		return model.BlacklistEventKindSessionRevoked
	case auth.FeedRotated:
		return model.BlacklistEventKindRotated
	case auth.FeedHeartbeat:
		return model.BlacklistEventKindHeartbeat
	default:
		return model.BlacklistEventKindTokenBlacklisted
	}
}

func tokenUseOf(use auth.TokenUse) model.TokenUse {
	if use == auth.UseRefresh {
		return model.TokenUseRefresh
	}
	return model.TokenUseAccess
}

// nonZero is null in the API for what is no time in the core.
func nonZero(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
