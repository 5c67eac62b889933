// Package resolvers is the GraphQL transport: it turns GraphQL input into calls of
// the core and the core's values and errors into API types. No rule lives here.
//
// It knows the schema and the core, and neither HTTP statuses nor SQL, Redis
// and JWT. The methods that gqlgen calls are in *.resolvers.go, one file for
// each file of the schema. The generator rewrites those files, so they contain
// nothing else.
package resolvers

import (
	"rekey/internal/auth"
	"rekey/internal/stream"
)

//go:generate go run github.com/99designs/gqlgen generate

// Resolver is the root of the GraphQL API.
type Resolver struct {
	Auth *auth.Service
	// Streams are what subscriptions follow.
	Streams *stream.Hub
	// CookieMode keeps the refresh token in a cookie: see [WithAnswer].
	CookieMode bool
}
