package resolvers

import (
	"encoding/hex"
	"time"

	"rekey/graph/model"
	"rekey/internal/auth"
	"rekey/internal/stream"
)

func sessionEventOf(c auth.Change) *model.SessionEvent {
	event := &model.SessionEvent{
		At: c.At, Generation: int(c.Generation), ExpiresAt: nonZero(c.ExpiresAt),
		UserAgent: nonEmpty(c.UserAgent), IPAddress: nonEmpty(c.Address),
	}
	switch c.Kind {
	case auth.ChangeRotated:
		event.Kind = model.SessionEventKindRotated
	case auth.ChangeRevoked:
		event.Kind, event.Reason = model.SessionEventKindRevoked, nonEmpty(c.Reason)
	case stream.TokenExpiring:
		event.Kind = model.SessionEventKindTokenExpiring
	case stream.SessionExpiring:
		event.Kind = model.SessionEventKindSessionExpiring
	}
	return event
}

func blacklistEventOf(c auth.Change) *model.BlacklistEvent {
	event := &model.BlacklistEvent{
		SessionID: nonEmpty(c.SessionID), IssuedBefore: nonZero(c.IssuedAt), Reason: nonEmpty(c.Reason),
		At: c.At, EffectiveAt: c.EffectiveAt, ExpiresAt: c.ExpiresAt,
	}
	if c.SecretHash != nil {
		hash := hex.EncodeToString(c.SecretHash[:])
		event.SecretHash = &hash
	}
	switch c.Kind {
	case auth.ChangeRevoked:
		event.Kind = model.BlacklistEventKindSessionRevoked
	case auth.ChangeRotated:
		event.Kind = model.BlacklistEventKindRotated
	case auth.ChangeAccess, auth.ChangeRefresh:
		use := tokenUseOf(auth.UseAccess)
		if c.Kind == auth.ChangeRefresh {
			use = tokenUseOf(auth.UseRefresh)
		}
		event.Kind, event.Use = model.BlacklistEventKindTokenBlacklisted, &use
	case stream.Heartbeat:
		event.Kind = model.BlacklistEventKindHeartbeat
	}
	return event
}

func tokenUseOf(use auth.TokenUse) model.TokenUse {
	if use == auth.UseRefresh {
		return model.TokenUseRefresh
	}
	return model.TokenUseAccess
}

// nonZero returns null in the API for the core's zero time.
func nonZero(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
