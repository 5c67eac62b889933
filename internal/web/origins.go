package web

import (
	"net/http"
	"slices"
	"strings"

	"rekey/internal/auth"
)

const (
	anyOrigin     = "*"
	legacyMethods = "OPTIONS,HEAD,GET,PUT,POST,DELETE"
	allowMethods  = "OPTIONS,HEAD,GET,POST"
	allowHeaders  = "Origin,Content-Type,Accept,X-Request-ID,Authorization,Idempotency-Key"
	exposeHeaders = "Retry-After, X-Request-ID, WWW-Authenticate"
)

const (
	// maxRequestedHeaders and maxRequestedBytes bound what a preflight's answer
	// repeats of the request.
	maxRequestedHeaders = 50
	maxRequestedBytes   = 2 << 10
)

// CORSOptions configure CORS.
type CORSOptions struct {
	// Origins are the origins whose pages may read answers; "*" is any.
	Origins []string
	// Credentials lets pages of a listed origin send cookies; "*" lists none.
	Credentials bool
	// OwnHeaders reports whether pages may send headers of their own at a path. If
	// it is nil, they may send only those that every path accepts.
	OwnHeaders func(path string) bool
	// Headers are the only headers of their own that pages may then send. If it is
	// empty, they may send any.
	Headers []string
}

// CORS answers preflights (OPTIONS with an Origin) with 204, and lets pages of
// the allowed origins read answers. A preflight lists the methods that some path
// has, and the legacy service's at paths that are legacy; legacy may be nil: then
// all are.
//
// It replaces rs/cors because clients rely on the legacy service's exact lists.
// rs/cors answers a preflight only if it has Access-Control-Request-Method,
// repeats the method and the headers of the request, and adds to Vary.
func CORS(o CORSOptions, legacy func(path string) bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origin := r.Header.Get("Origin")
		preflight := origin != "" && r.Method == http.MethodOptions
		allowed := allowedOrigin(o.Origins, origin)
		h := w.Header()
		if allowed != "" {
			h.Set("Access-Control-Allow-Origin", allowed)
		}
		if o.Credentials && allowed != "" && allowed != anyOrigin {
			h.Set("Access-Control-Allow-Credentials", "true")
		}
		if preflight {
			h.Add("Vary", "Access-Control-Request-Method")
			h.Add("Vary", "Access-Control-Request-Headers")
		}
		switch {
		case allowed != "" && preflight:
			methods := legacyMethods
			if legacy != nil && !legacy(r.URL.EscapedPath()) {
				methods = allowMethods
			}
			h.Set("Access-Control-Allow-Methods", methods)
			h.Set("Access-Control-Allow-Headers", strings.Join(append([]string{allowHeaders}, o.ownHeaders(r)...), ","))
		case allowed != "":
			h.Set("Access-Control-Expose-Headers", exposeHeaders)
		}
		if preflight {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// ownHeaders returns the headers that a page may send besides those that every
// path accepts: the configured ones, or those that it asks for. A list that is
// too long or malformed is ignored.
func (o CORSOptions) ownHeaders(r *http.Request) []string {
	if o.OwnHeaders == nil || !o.OwnHeaders(r.URL.EscapedPath()) {
		return nil
	}
	if len(o.Headers) > 0 {
		return o.Headers
	}
	asked := strings.Join(r.Header.Values("Access-Control-Request-Headers"), ",")
	if asked == "" {
		return nil
	}
	names := strings.Split(asked, ",")
	if len(asked) > maxRequestedBytes || len(names) > maxRequestedHeaders {
		return nil
	}
	for i, name := range names {
		names[i] = strings.TrimSpace(name)
		if !isHeaderName(names[i]) {
			return nil
		}
	}
	return names
}

// isHeaderName reports whether s is a token of RFC 9110 section 5.6.2.
func isHeaderName(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
	})
}

// CheckOrigin refuses requests that a page of a foreign origin makes a browser
// send (net/http's CrossOriginProtection): POST and the like, unless the page
// has this service's own origin or a trusted one. "*" trusts none. Requests
// that no browser sent are accepted, and so are GET, HEAD and OPTIONS, which
// must not change anything. The error is an *auth.Error.
func CheckOrigin(r *http.Request, trusted []string) error {
	if err := new(http.CrossOriginProtection).Check(r); err == nil {
		return nil
	}
	if allowed := allowedOrigin(trusted, r.Header.Get("Origin")); allowed != "" && allowed != anyOrigin {
		return nil
	}
	return &auth.Error{Code: auth.CodeForbidden, Message: "pages of this origin may not call: CORS_ORIGINS does not name it"}
}

// allowedOrigin returns the Access-Control-Allow-Origin for a request's origin.
// It is empty if the request has no origin, or one that is not allowed.
func allowedOrigin(origins []string, origin string) string {
	switch {
	case origin == "":
		return ""
	case slices.Contains(origins, anyOrigin):
		return anyOrigin
	case slices.ContainsFunc(origins, func(o string) bool { return strings.EqualFold(o, origin) }):
		return origin
	}
	return ""
}
