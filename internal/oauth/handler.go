package oauth

import (
	"context"
	"log/slog"
	"net/http"

	"rekey/internal/auth"
)

// The paths.
const (
	IntrospectPath = "/oauth/introspect"
	RevokePath     = "/oauth/revoke"
	TokenPath      = "/oauth/token"
)

// Service is the part of the core that the transport uses. *auth.Service
// implements it.
type Service interface {
	Introspect(ctx context.Context, caller auth.APIKeyCaller, token string, c auth.Client) (auth.Introspection, error)
	RevokeToken(ctx context.Context, caller auth.APIKeyCaller, token string, c auth.Client) error
}

// Keys authenticates callers. *auth.APIKeys implements it.
type Keys interface {
	AuthenticateCall(ctx context.Context, presented string, c auth.Client) (auth.APIKeyCaller, error)
}

// Options configure the transport. All are required.
type Options struct {
	Auth Service
	Keys Keys
	// Logger receives refusals, and failures with their cause.
	Logger *slog.Logger
}

// Handlers returns the handlers by path.
func Handlers(o Options) map[string]http.Handler {
	return map[string]http.Handler{
		IntrospectPath: o.endpoint(auth.ScopeIntrospect, anyKey, o.introspect),
		RevokePath:     o.endpoint(auth.ScopeRevoke, headerKey, o.revoke),
		TokenPath:      http.HandlerFunc(o.noGrant),
	}
}

// call is an authenticated request: its caller and its token.
type call struct {
	caller auth.APIKeyCaller
	token  string
	client auth.Client
}

// endpoint returns the common part of both handlers. It authenticates the caller
// before it reads the request, unless the key is in the form.
func (o Options) endpoint(scope auth.Scope, find findKey, answer func(context.Context, call) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		body, err := o.serve(w, r, find, answer)
		if err != nil {
			o.refuse(w, r, scope, err)
			return
		}
		write(w, http.StatusOK, body)
	})
}

func (o Options) serve(
	w http.ResponseWriter, r *http.Request, find findKey, answer func(context.Context, call) (any, error),
) (any, error) {
	if err := checkRequest(r); err != nil {
		return nil, err
	}
	c := auth.ClientFrom(r.Context())
	c.Transport = auth.TransportOAuth
	key, form, err := find(w, r)
	if err != nil {
		return nil, err
	}
	caller, err := o.Keys.AuthenticateCall(r.Context(), key, c)
	if err != nil {
		return nil, err
	}
	if form == nil {
		if form, err = readForm(w, r); err != nil {
			return nil, err
		}
	}
	token := form.Get("token")
	if token == "" {
		return nil, badRequest("the parameter token is missing")
	}
	return answer(r.Context(), call{caller, token, c})
}

func (o Options) introspect(ctx context.Context, c call) (any, error) {
	in, err := o.Auth.Introspect(ctx, c.caller, c.token, c.client)
	if err != nil {
		return nil, err
	}
	return introspectionOf(in), nil
}

// revoke returns an empty answer on success (RFC 7009 section 2.2).
func (o Options) revoke(ctx context.Context, c call) (any, error) {
	return nil, o.Auth.RevokeToken(ctx, c.caller, c.token, c.client)
}

// noGrant answers for the token endpoint: rekey supports no grant, because users
// log in by GraphQL (RFC 6749 section 5.2).
func (o Options) noGrant(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	err := checkRequest(r)
	if err == nil {
		_, err = readForm(w, r)
	}
	if err == nil {
		err = refusal{status: http.StatusBadRequest, code: unsupportedGrant, description: "no grant is supported: users log in by GraphQL"}
	}
	o.refuse(w, r, "", err)
}
