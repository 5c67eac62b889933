package auth

import (
	"context"
	"strings"
	"sync/atomic"
)

// Transport is the way a request came in, for logs, metrics and the journal.
type Transport string

// The transports. A change that no request asked for has none.
const (
	TransportGraphQL Transport = "graphql"
	TransportREST    Transport = "rest"  // the legacy route
	TransportOAuth   Transport = "oauth" // introspection and revocation by programs
	TransportCLI     Transport = "cli"
)

// ServedTransports returns the transports of a server: all except TransportCLI.
func ServedTransports() []Transport {
	return []Transport{TransportGraphQL, TransportREST, TransportOAuth}
}

// Client describes where a request comes from, as the transport saw it.
type Client struct {
	Address   string // IP address without port, behind trusted proxies that of the client
	UserAgent string
	RequestID string
	Transport Transport
	// Actor names who acts, if that is not the holder of the account.
	Actor string
}

// The actors of events. The names of operators and programs follow a prefix.
const (
	ActorClient   = "client"   // somebody who holds, or tries to hold, an account
	ActorSystem   = "system"   // rekey itself, at set times
	ActorOperator = "cli:"     // prefix of a person at the command line
	ActorAPIKey   = "api_key:" // prefix of a program; the prefix of its key follows
)

// maxActorName limits the name of an operator, in code points.
const maxActorName = 64

// Operator returns the client of a command line. name is the operating
// system's name of the person who runs it. All use cases for administrators
// take this client, or find it in the context (see WithClient), so that the
// journal records who made a change.
func Operator(name string) Client {
	if name = strings.TrimSpace(name); !visibleName(name, maxActorName) {
		name = "unknown"
	}
	return Client{Transport: TransportCLI, Actor: ActorOperator + name}
}

// Who returns the actor. It returns ActorSystem for the zero Client: without a
// request rekey itself acts.
func (c Client) Who() string {
	switch {
	case c.Actor != "":
		return c.Actor
	case c == Client{}:
		return ActorSystem
	}
	return ActorClient
}

type clientKey struct{}

// request is the part of a context that belongs to one request. The session is
// set as soon as it is known.
type request struct {
	client  Client
	session atomic.Pointer[string]
	quotas  Quotas
}

// WithClient returns a context that carries the client of a request.
func WithClient(ctx context.Context, c Client) context.Context {
	return context.WithValue(ctx, clientKey{}, &request{client: c})
}

// ClientFrom returns the client of a request. It is the zero Client if the
// context carries none.
func ClientFrom(ctx context.Context) Client {
	if r, ok := ctx.Value(clientKey{}).(*request); ok {
		return r.client
	}
	return Client{}
}

// SessionFrom returns the id of the session that a request is about, for logs.
// It is empty until a token has verified or a session was created. If there
// were several sessions, it is the last one.
func SessionFrom(ctx context.Context) string {
	if r, ok := ctx.Value(clientKey{}).(*request); ok {
		if id := r.session.Load(); id != nil {
			return *id
		}
	}
	return ""
}

// logSession sets the session of a request for logs. It ignores ids that are
// not canonical.
func logSession(ctx context.Context, id string) {
	if r, ok := ctx.Value(clientKey{}).(*request); ok && canonicalID(id) {
		r.session.Store(&id)
	}
}

const bearerScheme = "bearer "

// BearerToken returns the token in the values of an Authorization header. The
// scheme is case-insensitive (RFC 9110 section 11.1). The token is empty if
// there is no bearer token, or more than one header: the core then refuses the
// request with ReasonTokenMissing, and counts it.
func BearerToken(values []string) string {
	if len(values) != 1 || len(values[0]) <= len(bearerScheme) ||
		!strings.EqualFold(values[0][:len(bearerScheme)], bearerScheme) {
		return ""
	}
	return values[0][len(bearerScheme):]
}

// SpacedBearerToken is BearerToken for transports that accept several spaces
// after the scheme (RFC 9110 section 11.4). The legacy service did not.
func SpacedBearerToken(values []string) string { return strings.TrimLeft(BearerToken(values), " ") }
