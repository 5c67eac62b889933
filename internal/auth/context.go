package auth

import (
	"context"
	"strings"
)

type clientKey struct{}

// WithClient returns a context that carries where the request comes from.
func WithClient(ctx context.Context, c Client) context.Context {
	return context.WithValue(ctx, clientKey{}, c)
}

// ClientFrom returns the client of a request; the zero Client when there is none.
func ClientFrom(ctx context.Context) Client {
	c, _ := ctx.Value(clientKey{}).(Client)
	return c
}

const bearerScheme = "bearer "

// BearerToken returns the token of an Authorization header's values. The
// scheme is case-insensitive (RFC 9110 section 11.1). ReasonTokenMissing when
// there is no bearer token, or more than one header.
func BearerToken(values []string) (string, error) {
	if len(values) != 1 || len(values[0]) <= len(bearerScheme) ||
		!strings.EqualFold(values[0][:len(bearerScheme)], bearerScheme) {
		return "", Unauthenticated(ReasonTokenMissing, "a bearer token is required")
	}
	return values[0][len(bearerScheme):], nil
}
