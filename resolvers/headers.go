package resolvers

import (
	"context"

	"github.com/99designs/gqlgen/graphql"

	"rekey/internal/auth"
)

const idempotencyKeyField = "idempotencyKey"

// bearerToken returns the token of the request's Authorization header.
// auth.ReasonTokenMissing when there is none.
func bearerToken(ctx context.Context) (string, error) {
	return auth.BearerToken(graphql.GetOperationContext(ctx).Headers.Values("Authorization"))
}

// tokenOrBearer returns the argument when it is given, else the bearer token.
// A given argument makes the Authorization header count for nothing: clients
// send an expired one along.
func tokenOrBearer(ctx context.Context, argument *string) (string, error) {
	if argument != nil {
		return *argument, nil
	}
	return bearerToken(ctx)
}

// idempotencyKeyOf returns the argument or the Idempotency-Key header, or "" when
// there is neither. Two that differ leave open which was meant, and are refused.
func idempotencyKeyOf(ctx context.Context, argument *string) (string, error) {
	keys := graphql.GetOperationContext(ctx).Headers.Values("Idempotency-Key")
	if argument != nil {
		keys = append([]string{*argument}, keys...)
	}
	if len(keys) == 0 {
		return "", nil
	}
	for _, key := range keys[1:] {
		if key != keys[0] {
			return "", auth.BadInput(idempotencyKeyField, "two idempotency keys were given, and they differ")
		}
	}
	return keys[0], nil
}
