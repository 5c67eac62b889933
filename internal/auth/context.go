package auth

import (
	"context"
	"strings"
	"sync/atomic"
)

type clientKey struct{}

// request is what a context carries of one. The session is found out by and by.
type request struct {
	client  Client
	session atomic.Pointer[string]
	quotas  Quotas
}

// WithClient returns a context that carries where the request comes from.
func WithClient(ctx context.Context, c Client) context.Context {
	return context.WithValue(ctx, clientKey{}, &request{client: c})
}

// ClientFrom returns the client of a request; the zero Client when there is none.
func ClientFrom(ctx context.Context) Client {
	if r, ok := ctx.Value(clientKey{}).(*request); ok {
		return r.client
	}
	return Client{}
}

// SessionFrom returns the id of the session that a request turned out to be
// about, for logs; empty while none has. It is the last one, if several.
func SessionFrom(ctx context.Context) string {
	if r, ok := ctx.Value(clientKey{}).(*request); ok {
		if id := r.session.Load(); id != nil {
			return *id
		}
	}
	return ""
}

// logSession tells logs what session a request is about, once its token
// verified or the session was made.
func logSession(ctx context.Context, id string) {
	if r, ok := ctx.Value(clientKey{}).(*request); ok && canonicalID(id) {
		r.session.Store(&id)
	}
}

const bearerScheme = "bearer "

// BearerToken returns the token of an Authorization header's values. The
// scheme is case-insensitive (RFC 9110 section 11.1). Where there is no bearer
// token, or more than one header, it is the empty one: the core refuses that as
// missing, and counts the request.
func BearerToken(values []string) string {
	if len(values) != 1 || len(values[0]) <= len(bearerScheme) ||
		!strings.EqualFold(values[0][:len(bearerScheme)], bearerScheme) {
		return ""
	}
	return values[0][len(bearerScheme):]
}
