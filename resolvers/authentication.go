package resolvers

import (
	"context"
	"errors"
	"sync"

	"github.com/99designs/gqlgen/graphql"

	"rekey/internal/auth"
)

// Authentication is an extension of the executor, through which @auth and the
// resolvers get the caller. It checks the access token when the caller is first
// needed, and once an operation.
type Authentication struct {
	Auth *auth.Service
	// Keys are for @apiKey; without them no key is good.
	Keys *auth.APIKeys
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

type callersKey struct{}

// callers finds out who is calling, when somebody asks.
type callers struct {
	Authentication
	ctx context.Context // of the operation, whichever field asks first

	mu      sync.Mutex
	person  func() (auth.Caller, error) // nil until somebody asks
	recent  func() (auth.Caller, error)
	program func() (auth.APIKeyCaller, error)
}

// InterceptOperation prepares the context of an operation.
func (a Authentication) InterceptOperation(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	return next(context.WithValue(ctx, callersKey{}, &callers{Authentication: a, ctx: ctx}))
}

// callerFrom returns who is calling: the holder of the live access token in
// the Authorization header. Its errors are those of [auth.Service.Authenticate].
func callerFrom(ctx context.Context) (auth.Caller, error) {
	c, ok := ctx.Value(callersKey{}).(*callers)
	if !ok {
		return auth.Caller{}, errNoService
	}
	return once(&c.mu, &c.person, func() (auth.Caller, error) {
		return c.Auth.Authenticate(c.ctx, bearerToken(c.ctx), clientOf(c.ctx))
	})
}

// recentCallerFrom is callerFrom for fields with @recent. Its errors are those of
// [auth.Service.RecentCaller]. That check includes the one for @auth.
func recentCallerFrom(ctx context.Context) (auth.Caller, error) {
	c, ok := ctx.Value(callersKey{}).(*callers)
	if !ok {
		return auth.Caller{}, errNoService
	}
	caller, err := once(&c.mu, &c.recent, func() (auth.Caller, error) {
		return c.Auth.RecentCaller(c.ctx, bearerToken(c.ctx), clientOf(c.ctx))
	})
	if err != nil {
		return auth.Caller{}, err
	}
	return once(&c.mu, &c.person, func() (auth.Caller, error) { return caller, nil })
}

// keyCallerFrom returns which program is calling: the holder of the API key in
// the X-API-Key or Authorization header. Its errors are those of
// [auth.APIKeys.Authenticate].
func keyCallerFrom(ctx context.Context) (auth.APIKeyCaller, error) {
	c, ok := ctx.Value(callersKey{}).(*callers)
	if !ok || c.Keys == nil {
		return auth.APIKeyCaller{}, errNoService
	}
	return once(&c.mu, &c.program, func() (auth.APIKeyCaller, error) {
		return c.Keys.Authenticate(c.ctx, apiKeyOf(headerOf(c.ctx)), clientOf(c.ctx))
	})
}

// once calls lookup once; other calls wait for its result. It uses OnceValues, not
// Once: if lookup panics, every call panics, and none returns the zero value.
func once[T any](mu *sync.Mutex, known *func() (T, error), lookup func() (T, error)) (T, error) {
	mu.Lock()
	if *known == nil {
		*known = sync.OnceValues(lookup)
	}
	ask := *known
	mu.Unlock()
	return ask()
}
