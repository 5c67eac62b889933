package resolvers

import (
	"context"
	"net/http"

	"rekey/internal/auth"
	"rekey/internal/stream"
)

const apiKeyHeader = "X-API-Key"

// apiKeyOf returns the API key of a request, "" where there is none.
func apiKeyOf(header http.Header) string {
	if values := header.Values(apiKeyHeader); len(values) == 1 {
		return values[0]
	}
	if token := auth.SpacedBearerToken(header.Values("Authorization")); auth.IsAPIKey(token) {
		return token
	}
	return ""
}

// Connections authenticates who stays connected.
type Connections struct {
	Auth    *auth.Service
	Keys    *auth.APIKeys
	Streams *stream.Hub
}

// Connect authenticates by a header, with an API key or an access token. What
// it returns waits until that is good no longer and says why, or until ctx
// ends. Its error, and that of the wait, is an *auth.Error.
func (c Connections) Connect(ctx context.Context, header http.Header) (wait func(context.Context) error, err error) {
	if key := apiKeyOf(header); key != "" {
		caller, err := c.Keys.Authenticate(ctx, key, clientOf(ctx))
		if err != nil {
			return nil, err
		}
		return func(ctx context.Context) error { return c.Streams.WatchKey(ctx, caller) }, nil
	}
	caller, err := c.Auth.Authenticate(ctx, auth.SpacedBearerToken(header.Values("Authorization")), clientOf(ctx))
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) error { return c.Streams.Watch(ctx, caller) }, nil
}
