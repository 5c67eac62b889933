package compat

import (
	"context"
	"log/slog"
	"net/http"
	"strings"

	"rekey/internal/auth"
)

// Prefix begins all paths behind the guard.
const Prefix = "/auth/"

const (
	refreshPath       = Prefix + "refresh"
	publicKeyPath     = Prefix + "public-key"
	idempotencyHeader = "Idempotency-Key"
)

// Service is the part of the core that the transport uses. *auth.Service
// implements it.
type Service interface {
	// Refresh replaces a refresh token. It returns auth.ReasonTokenMissing for an
	// empty token.
	Refresh(ctx context.Context, in auth.RefreshInput, c auth.Client) (auth.Grant, error)
	// CheckRefreshToken returns nil if the token is valid and current, and
	// otherwise the error that Refresh would return. It changes nothing.
	CheckRefreshToken(ctx context.Context, token string, c auth.Client) error
}

// Options configure the transport. All are required.
type Options struct {
	Auth Service
	// PublicKey returns the PEM file of the key that access tokens verify with.
	PublicKey func() []byte
	// Logger receives internal errors and failures of the database.
	Logger *slog.Logger
}

type handler struct {
	auth      Service
	publicKey func() []byte
	errors    *renderer
}

// New returns the handler of everything under [Prefix]; it answers 404 to any
// other path, as [NotFound] does.
//
// Do not register it with an http.ServeMux pattern, which would redirect unclean
// paths. The legacy service guarded those like all others.
func New(o Options) http.Handler {
	return &handler{auth: o.Auth, publicKey: o.PublicKey, errors: &renderer{table: newTable(), logger: o.Logger}}
}

// NotFound answers 404 in the envelope, without a guard. It serves all unknown
// paths outside [Prefix].
func NotFound(w http.ResponseWriter, r *http.Request) {
	notFound().write(w, r)
}

// ServeHTTP routes by the encoded path, as the legacy router did: to it
// /auth/%72efresh is an unknown path.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !strings.HasPrefix(r.URL.EscapedPath(), Prefix) {
		NotFound(w, r)
		return
	}
	if r.Method == http.MethodOptions { // CORS answers it if it has an Origin
		w.WriteHeader(http.StatusNoContent)
		return
	}
	if r.Method == http.MethodGet && r.URL.EscapedPath() == publicKeyPath {
		// The key is public, so there is no guard. A client with a cached old key
		// would refuse valid tokens, so there is no max-age.
		w.Header().Set("Content-Type", "text/plain; charset=UTF-8")
		w.Header().Set("Cache-Control", "no-cache")
		_, _ = w.Write(h.publicKey()) // fails only if the client has disconnected
		return
	}
	a, err := h.answer(r)
	if err != nil {
		a = h.errors.answer(r, err)
	}
	a.write(w, r)
}

// answer checks the token before the route, as the legacy service did. It never
// reads the body.
func (h *handler) answer(r *http.Request) (answer, error) {
	if r.Method == http.MethodGet && r.URL.EscapedPath() == refreshPath {
		return h.refresh(r)
	}
	if err := h.guard(r); err != nil {
		return answer{}, err
	}
	return notFound(), nil
}

func (h *handler) refresh(r *http.Request) (answer, error) {
	key, err := idempotencyKey(r.Header)
	if err != nil {
		// The guard comes before all checks of the route.
		if guardErr := h.guard(r); guardErr != nil {
			return answer{}, guardErr
		}
		return answer{}, err
	}
	in := auth.RefreshInput{Token: bearerToken(r), IdempotencyKey: key}
	grant, err := h.auth.Refresh(r.Context(), in, client(r))
	if err != nil {
		return answer{}, err
	}
	return success(grant), nil
}

func (h *handler) guard(r *http.Request) error {
	return h.auth.CheckRefreshToken(r.Context(), bearerToken(r), client(r))
}

func bearerToken(r *http.Request) string {
	return auth.BearerToken(r.Header.Values("Authorization"))
}

// idempotencyKey returns the header's value, or "" if there is no such header. It
// refuses an empty header, because its sender assumes that it sent a key. The
// core checks the value.
func idempotencyKey(h http.Header) (string, error) {
	values := h.Values(idempotencyHeader)
	switch {
	case len(values) == 0:
		return "", nil
	case len(values) > 1:
		return "", auth.BadInput("idempotencyKey", "more than one Idempotency-Key header")
	case values[0] == "":
		return "", auth.BadInput("idempotencyKey", "the Idempotency-Key header is empty")
	}
	return values[0], nil
}

func client(r *http.Request) auth.Client {
	c := auth.ClientFrom(r.Context())
	c.Transport = auth.TransportREST
	return c
}

// Serves reports whether this transport answers a path, in the form of the legacy
// service.
func Serves(path string) bool { return strings.HasPrefix(path, Prefix) }

// TellLimits reports whether answers at a path have the RateLimit headers. Those
// of this transport do not, because its clients expect exactly known headers.
func TellLimits(path string) bool { return !Serves(path) }
