package resolvers

import (
	"context"
	"net/http"

	"github.com/99designs/gqlgen/graphql"

	"rekey/internal/auth"
)

const (
	idempotencyHeader = "Idempotency-Key"
	idempotencyField  = "idempotencyKey"
)

// clientOf returns where the request comes from, this transport included.
func clientOf(ctx context.Context) auth.Client {
	client := auth.ClientFrom(ctx)
	client.Transport = auth.TransportGraphQL
	return client
}

func headerOf(ctx context.Context) http.Header {
	return graphql.GetOperationContext(ctx).Headers
}

func bearerToken(ctx context.Context) string {
	return auth.SpacedBearerToken(headerOf(ctx).Values("Authorization"))
}

// tokenOf returns the argument when it is given, else the cookie's token, else
// the bearer token. The Authorization header counts for nothing beside another:
// clients send an expired access token along.
func tokenOf(ctx context.Context, argument *string, cookies jar) string {
	switch {
	case argument != nil:
		return *argument
	case cookies.token != "":
		return cookies.token
	}
	return bearerToken(ctx)
}

// idempotencyKeyOf returns the argument or the Idempotency-Key header, or ""
// when there is neither. Two that differ leave open which was meant, and the
// sender of an empty one believes to have a key: both are refused. The core
// judges the value.
func idempotencyKeyOf(ctx context.Context, argument *string) (string, error) {
	keys := headerOf(ctx).Values(idempotencyHeader)
	if len(keys) > 1 {
		return "", auth.BadInput(idempotencyField, "more than one Idempotency-Key header")
	}
	if argument != nil {
		keys = append([]string{*argument}, keys...)
	}
	switch {
	case len(keys) == 0:
		return "", nil
	case keys[0] == "":
		return "", auth.BadInput(idempotencyField, "the idempotency key is empty")
	case len(keys) == 2 && keys[0] != keys[1]:
		return "", auth.BadInput(idempotencyField, "the idempotency keys of header and argument differ")
	}
	return keys[0], nil
}
