package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"time"
)

// The paths of the well-known documents.
const (
	KeysPath     = "/.well-known/jwks.json"
	MetadataPath = "/.well-known/oauth-authorization-server"
	OpenIDPath   = "/.well-known/openid-configuration"
)

// WellKnown are the documents that other services read to check tokens by
// themselves: the public keys (RFC 7517) and, with an issuer, the metadata of
// RFC 8414 and OpenID Connect.
type WellKnown struct {
	// Keys returns the JWK set.
	Keys func() []byte
	// MaxAge is how long others may cache the documents, in whole seconds.
	MaxAge time.Duration
	// Issuer is the URL that tokens name. If it is empty, there is no metadata.
	Issuer string
	// IntrospectPath and RevokePath are the paths of RFC 7662 and RFC 7009.
	// They are empty if not served.
	IntrospectPath, RevokePath string
	// TokenPath is the path of a token endpoint that supports no grant.
	TokenPath string
}

// Handlers returns the handlers by path.
func (d WellKnown) Handlers() map[string]http.Handler {
	all := map[string]http.Handler{KeysPath: d.serve("application/jwk-set+json", d.Keys)}
	if d.Issuer != "" {
		metadata := d.metadata()
		all[MetadataPath] = d.serve("application/json", func() []byte { return encode(metadata) })
		openID := maps.Clone(metadata)
		d.addOpenID(openID)
		all[OpenIDPath] = d.serve("application/json", func() []byte { return encode(openID) })
	}
	return all
}

// serve answers GET and HEAD. The tag is weak because the same text may be
// sent compressed.
func (d WellKnown) serve(contentType string, content func() []byte) http.Handler {
	age := fmt.Sprintf("public, max-age=%d", int(d.MaxAge.Seconds()))
	return ReadOnly(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h, data := w.Header(), content()
		sum := sha256.Sum256(data)
		h.Set("Content-Type", contentType)
		h.Set("Cache-Control", age)
		h.Set("ETag", `W/"`+base64.RawURLEncoding.EncodeToString(sum[:12])+`"`)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
	}))
}

// metadata returns the document of RFC 8414 section 2. There is no
// authorization or token endpoint, so no response type and no grant type is
// supported. The RFC wants empty lists left out, but it requires the first
// list, and without the second a client would assume two grant types.
func (d WellKnown) metadata() map[string]any {
	metadata := map[string]any{
		"issuer":                   d.Issuer,
		"jwks_uri":                 d.Issuer + KeysPath,
		"response_types_supported": []string{},
		"grant_types_supported":    []string{},
	}
	// client_secret_basic is RFC 6749 section 2.3.1. Revocation also accepts a
	// bearer token, but RFC 8414's registry for it has no such method.
	if d.IntrospectPath != "" {
		metadata["introspection_endpoint"] = d.Issuer + d.IntrospectPath
		metadata["introspection_endpoint_auth_methods_supported"] = []string{"client_secret_basic", "client_secret_post", "Bearer"}
	}
	if d.RevokePath != "" {
		metadata["revocation_endpoint"] = d.Issuer + d.RevokePath
		metadata["revocation_endpoint_auth_methods_supported"] = []string{"client_secret_basic"}
	}
	return metadata
}

// addOpenID adds what libraries need that read only the metadata of OpenID
// Connect Discovery (section 3). rekey is not an OpenID provider, so all that
// concerns logins and ID tokens is left out, although the standard requires an
// authorization endpoint. Libraries take the algorithms of ID tokens for those of
// all tokens. The token endpoint is listed because they refuse to start without
// one; it supports no grant.
func (d WellKnown) addOpenID(metadata map[string]any) {
	metadata["id_token_signing_alg_values_supported"] = []string{"ES256"}
	metadata["subject_types_supported"] = []string{"public"}
	if d.TokenPath != "" {
		metadata["token_endpoint"] = d.Issuer + d.TokenPath
	}
}

func encode(document map[string]any) []byte {
	data, _ := json.Marshal(document) // strings always encode
	return data
}
