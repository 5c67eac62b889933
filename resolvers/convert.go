package resolvers

import (
	"time"

	"rekey/graph/model"
	"rekey/internal/auth"
)

func payloadOf(g auth.Grant) *model.AuthPayload {
	refreshToken := g.RefreshToken
	return &model.AuthPayload{
		Token:             g.AccessToken,
		RefreshToken:      &refreshToken,
		TokenExpiration:   g.AccessExpiresAt,
		ExpiresIn:         secondsUntil(g.AccessExpiresAt, g.ServerTime),
		RefreshExpiration: g.RefreshExpiresAt,
		ServerTime:        g.ServerTime,
		User:              userOf(g.User),
		Session:           sessionOf(g.Session, g.Session.ID),
		Device:            nonEmpty(g.Device),
	}
}

// secondsUntil counts in whole seconds of the clock, as tokens do; never below 0.
func secondsUntil(end, now time.Time) int {
	return int(max(0, end.Unix()-now.Unix()))
}

func userOf(u auth.User) *model.User {
	return &model.User{
		ID:              u.ID,
		Name:            u.Name,
		Email:           u.Email,
		EmailVerifiedAt: u.EmailVerifiedAt,
		Locale:          nonEmpty(u.Locale),
		HasPassword:     u.HasPassword(),
		CreatedAt:       u.CreatedAt,
		UpdatedAt:       u.UpdatedAt,
	}
}

// sessionOf converts a session as the session currentID sees it.
func sessionOf(s auth.Session, currentID string) *model.Session {
	return &model.Session{
		ID:                s.ID,
		Current:           s.ID == currentID,
		Generation:        int(s.Generation),
		UserAgent:         nonEmpty(s.UserAgent),
		IPAddress:         nonEmpty(s.IPAddress),
		CreatedAt:         s.CreatedAt,
		LastSeenAt:        s.LastSeenAt,
		AuthenticatedAt:   s.AuthenticatedAt,
		Methods:           methodsOf(s.Methods),
		ExpiresAt:         s.EndsAt(),
		AbsoluteExpiresAt: s.ExpiresAt,
		RevokedAt:         s.RevokedAt,
		RevokedReason:     nonEmpty(s.RevokedReason),
	}
}

func methodsOf(methods []auth.Method) []model.AuthMethod {
	converted := make([]model.AuthMethod, 0, len(methods))
	for _, m := range methods {
		converted = append(converted, model.AuthMethod(m))
	}
	return converted
}

// reauthenticateInput converts the proof. Exactly one of the password and the code
// must be given.
func reauthenticateInput(in model.ReauthenticateInput) (auth.ReauthenticateInput, error) {
	if (in.Password == nil) == (in.Code == nil) {
		return auth.ReauthenticateInput{}, auth.BadInput("password", "exactly one of password and code is required")
	}
	return auth.ReauthenticateInput{Password: valueOf(in.Password), Code: in.Code, RefreshToken: valueOf(in.RefreshToken)}, nil
}

// nodeOf converts the caller's object.
func nodeOf(n auth.Node, currentID string) model.Node {
	switch {
	case n.User != nil:
		return userOf(*n.User)
	case n.Session != nil:
		return sessionOf(*n.Session, currentID)
	}
	return securityEventOf(*n.Event)
}

// withoutNotFound returns nil for CodeNotFound, for a field that is null then.
func withoutNotFound(err error) error {
	if auth.AsError(err).Code == auth.CodeNotFound {
		return nil
	}
	return err
}

func sessionsOf(sessions []auth.Session, currentID string) []*model.Session {
	converted := make([]*model.Session, 0, len(sessions))
	for _, s := range sessions {
		converted = append(converted, sessionOf(s, currentID))
	}
	return converted
}

func blacklistedOf(t auth.BlacklistedToken) *model.BlacklistedToken {
	return &model.BlacklistedToken{
		SessionID:     t.SessionID,
		Use:           tokenUseOf(t.Use),
		Reason:        nonEmpty(t.Reason),
		BlacklistedAt: t.BlacklistedAt,
		ExpiresAt:     t.ExpiresAt,
	}
}

// nonEmpty is null in the API for what is empty in the core.
func nonEmpty(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// valueOf is empty in the core for what is null in the API.
func valueOf(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
