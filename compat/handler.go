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
	// Refresh replaces a refresh token. The empty one is missing: an error
	// with auth.ReasonTokenMissing.
	Refresh(ctx context.Context, in auth.RefreshInput, c auth.Client) (auth.Grant, error)
	// CheckRefreshToken is nil when the token is live and current, and judges
	// as Refresh does. It changes nothing.
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
	return &handler{auth: o.Auth, publicKey: o.PublicKey, errors: newRenderer(o.Logger)}
}

// NotFound answers 404 in the envelope, without a guard: for paths outside
// [Prefix] that nobody serves.
func NotFound(w http.ResponseWriter, _ *http.Request) {
	notFound().write(w)
}

// ServeHTTP routes on the path as it was spelt: the legacy router did not
// decode it, so that /auth/%72efresh is an unknown path.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !strings.HasPrefix(r.URL.EscapedPath(), Prefix) {
		NotFound(w, r)
		return
	}
	if r.Method == http.MethodGet && r.URL.EscapedPath() == publicKeyPath {
		h.servePublicKey(w)
		return
	}
	a, err := h.answer(r)
	if err != nil {
		a = h.errors.answer(r, err)
	}
	a.write(w)
}

// servePublicKey has no guard, because the key is public. It sets no max-age,
// because a client with a cached old key would refuse valid tokens.
func (h *handler) servePublicKey(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/plain; charset=UTF-8")
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = w.Write(h.publicKey()) // fails only when nobody listens any more
}

// answer minds the route only after the core has judged the token. The body is
// never read.
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
		// The guard comes before everything that the route minds.
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

// idempotencyKey returns the header's value, empty when the header is not
// there. An empty header is refused: its sender believes to have a key. The
// core judges the value.
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
