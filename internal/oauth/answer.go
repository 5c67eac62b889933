package oauth

import (
	"encoding/json"
	"net/http"

	"rekey/internal/auth"
)

// inactive is the whole answer for an invalid token, for any cause.
type inactive struct {
	Active bool `json:"active"` // false
}

// active is the answer for a valid token (RFC 7662 section 2.2). sid is a claim of
// OpenID Connect. Times are Unix seconds.
type active struct {
	Active    bool   `json:"active"`
	TokenType string `json:"token_type"`
	Subject   string `json:"sub"`
	Session   string `json:"sid"`
	IssuedAt  int64  `json:"iat"`
	NotBefore int64  `json:"nbf"`
	ExpiresAt int64  `json:"exp"`

	// With an issuer only. The audience is always a list, which RFC 7662 allows.
	Issuer   string   `json:"iss,omitempty"`
	Audience []string `json:"aud,omitempty"`
	ID       string   `json:"jti,omitempty"`
}

func introspectionOf(in auth.Introspection) any {
	if !in.Active {
		return inactive{}
	}
	kind := "Bearer" // RFC 6750
	if in.Use == auth.UseRefresh {
		kind = "refresh_token" // RFC 7009 section 4.1.2: it does not authenticate
	}
	return active{
		Active: true, TokenType: kind, Subject: in.UserID, Session: in.SessionID,
		IssuedAt: in.IssuedAt.Unix(), NotBefore: in.NotBefore.Unix(), ExpiresAt: in.ExpiresAt.Unix(),
		Issuer: in.Issuer, Audience: in.Audience, ID: in.TokenID,
	}
}

// write sends a body, or an empty one if body is nil.
func write(w http.ResponseWriter, status int, body any) {
	if body == nil {
		w.WriteHeader(status)
		return
	}
	data, _ := json.Marshal(body) // strings, integers and booleans always encode
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(data) // fails only if the client has disconnected
}
