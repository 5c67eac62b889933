package wellknown

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// The paths.
const (
	KeysPath     = "/.well-known/jwks.json"
	MetadataPath = "/.well-known/oauth-authorization-server"
)

// Options are what the handlers need.
type Options struct {
	// Keys returns the JWK set.
	Keys func() []byte
	// MaxAge is how long others may keep what they read, in whole seconds.
	MaxAge time.Duration
	// Issuer is the URL that tokens name; empty: there is no metadata.
	Issuer string
	// Introspection and Revocation are the paths of RFC 7662 and RFC 7009;
	// empty where there is none.
	Introspection, Revocation string
}

// Handlers returns the handlers by path.
func Handlers(o Options) map[string]http.Handler {
	all := map[string]http.Handler{KeysPath: o.serve("application/jwk-set+json", o.Keys)}
	if o.Issuer != "" {
		data := o.metadata()
		all[MetadataPath] = o.serve("application/json", func() []byte { return data })
	}
	return all
}

// serve answers GET and HEAD. The tag is weak: the same text may go out
// compressed.
func (o Options) serve(contentType string, content func() []byte) http.Handler {
	age := fmt.Sprintf("public, max-age=%d", int(o.MaxAge.Seconds()))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			h.Set("Allow", "GET, HEAD")
			http.Error(w, "Method Not Allowed", http.StatusMethodNotAllowed)
			return
		}
		data := content()
		sum := sha256.Sum256(data)
		h.Set("Content-Type", contentType)
		h.Set("Cache-Control", age)
		h.Set("ETag", `W/"`+base64.RawURLEncoding.EncodeToString(sum[:12])+`"`)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
	})
}

// metadata is RFC 8414 section 2. There is no authorization or token endpoint,
// so no response or grant type is supported. The RFC wants empty lists left
// out; but the first is required, and the second would then mean two that are
// not there.
func (o Options) metadata() []byte {
	data, _ := json.Marshal(struct { // strings always encode
		Issuer        string   `json:"issuer"`
		Keys          string   `json:"jwks_uri"`
		Responses     []string `json:"response_types_supported"`
		Grants        []string `json:"grant_types_supported"`
		Introspection string   `json:"introspection_endpoint,omitempty"`
		Introspecting []string `json:"introspection_endpoint_auth_methods_supported,omitempty"`
		Revocation    string   `json:"revocation_endpoint,omitempty"`
		Revoking      []string `json:"revocation_endpoint_auth_methods_supported,omitempty"`
	}{
		Issuer: o.Issuer, Keys: o.Issuer + KeysPath, Responses: []string{}, Grants: []string{},
		Introspection: o.absolute(o.Introspection), Introspecting: methods(o.Introspection, basic, "Bearer"),
		Revocation: o.absolute(o.Revocation), Revoking: methods(o.Revocation, basic),
	})
	return data
}

// basic is RFC 6749 section 2.3.1. A bearer token is not in the registry that
// RFC 8414 has for revocation, though it is taken there, too.
const basic = "client_secret_basic"

func methods(path string, all ...string) []string {
	if path == "" {
		return nil
	}
	return all
}

func (o Options) absolute(path string) string {
	if path == "" {
		return ""
	}
	return o.Issuer + path
}
