package resolvers

import (
	"context"
	"errors"
	"sync"

	"github.com/99designs/gqlgen/graphql"

	"rekey/internal/auth"
)

// Authentication is the executor's extension that lets @auth and resolvers ask
// who is calling. The access token is looked at when it is first asked for,
// and once an operation, however many fields ask.
type Authentication struct {
	Auth *auth.Service
	// Keys are for @apiKey; without them no key is good.
	Keys *auth.Keys
}

var _ interface {
	graphql.HandlerExtension
	graphql.OperationInterceptor
} = Authentication{}

var errNoService = errors.New("authentication has no service")

// ExtensionName names the extension in gqlgen's messages.
func (Authentication) ExtensionName() string { return "Authentication" }

// Validate refuses an Authentication without a service.
func (a Authentication) Validate(graphql.ExecutableSchema) error {
	if a.Auth == nil {
		return errNoService
	}
	return nil
}

type (
	callerKey    struct{}
	keyCallerKey struct{}
)

// InterceptOperation prepares the context of an operation.
func (a Authentication) InterceptOperation(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	// OnceValues, not Once: if authenticating panics, it panics for every
	// field that asks, and none takes the zero Caller for somebody.
	lookup := sync.OnceValues(func() (auth.Caller, error) {
		return a.Auth.Authenticate(ctx, bearerToken(ctx), clientOf(ctx))
	})
	ctx = context.WithValue(ctx, callerKey{}, lookup)
	return next(context.WithValue(ctx, keyCallerKey{}, sync.OnceValues(func() (auth.KeyCaller, error) {
		if a.Keys == nil {
			return auth.KeyCaller{}, errNoService
		}
		return a.Keys.Authenticate(ctx, apiKeyOf(headerOf(ctx)), clientOf(ctx))
	})))
}

// callerFrom returns who is calling: the holder of the live access token in
// the Authorization header. Its errors are those of [auth.Service.Authenticate].
func callerFrom(ctx context.Context) (auth.Caller, error) {
	lookup, ok := ctx.Value(callerKey{}).(func() (auth.Caller, error))
	if !ok {
		return auth.Caller{}, errNoService
	}
	return lookup()
}

// keyCallerFrom returns which program is calling: the holder of the API key in
// the X-API-Key or Authorization header. Its errors are those of
// [auth.Keys.Authenticate].
func keyCallerFrom(ctx context.Context) (auth.KeyCaller, error) {
	lookup, ok := ctx.Value(keyCallerKey{}).(func() (auth.KeyCaller, error))
	if !ok {
		return auth.KeyCaller{}, errNoService
	}
	return lookup()
}
