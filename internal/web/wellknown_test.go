package web_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"reflect"
	"testing"
	"time"

	"rekey/internal/web"
)

func wellKnown() web.WellKnown {
	return web.WellKnown{Keys: func() []byte { return []byte(`{"keys":[]}`) }, MaxAge: 10 * time.Minute}
}

func ask(o web.WellKnown, method, path, tag string) *http.Response {
	w := httptest.NewRecorder()
	r := httptest.NewRequest(method, path, nil)
	if tag != "" {
		r.Header.Set("If-None-Match", tag)
	}
	if h, ok := o.Handlers()[path]; ok {
		h.ServeHTTP(w, r)
	} else {
		w.WriteHeader(http.StatusNotFound)
	}
	return w.Result()
}

func TestWellKnown_Keys(t *testing.T) {
	keys := `{"keys":[1]}`
	o := wellKnown()
	o.Keys = func() []byte { return []byte(keys) }
	res := ask(o, http.MethodGet, web.KeysPath, "")
	tag := res.Header.Get("ETag")
	for name, want := range map[string]string{
		"Content-Type": "application/jwk-set+json", "Cache-Control": "public, max-age=600", "Content-Length": "12",
	} {
		if got := res.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if res.StatusCode != http.StatusOK || tag == "" {
		t.Errorf("status %d, tag %q", res.StatusCode, tag)
	}
	res = ask(o, http.MethodGet, web.KeysPath, tag)
	if res.StatusCode != http.StatusNotModified || res.Header.Get("Cache-Control") != "public, max-age=600" {
		t.Errorf("the same tag: %d %v", res.StatusCode, res.Header)
	}
	keys = `{"keys":[2]}`
	if res := ask(o, http.MethodGet, web.KeysPath, tag); res.StatusCode != http.StatusOK || res.Header.Get("ETag") == tag {
		t.Errorf("other keys: %d %v", res.StatusCode, res.Header)
	}
	if res := ask(o, http.MethodHead, web.KeysPath, ""); res.StatusCode != http.StatusOK || res.ContentLength > 12 {
		t.Errorf("HEAD: %d", res.StatusCode)
	}
	if res := ask(o, http.MethodPost, web.KeysPath, ""); res.StatusCode != http.StatusMethodNotAllowed || res.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d %v", res.StatusCode, res.Header)
	}
}

func TestWellKnown_Metadata(t *testing.T) {
	o := wellKnown()
	if res := ask(o, http.MethodGet, web.MetadataPath, ""); res.StatusCode != http.StatusNotFound {
		t.Errorf("without an issuer: %d", res.StatusCode)
	}
	o.Issuer, o.RevokePath = "https://auth.example.com", "/oauth/revoke"
	res := ask(o, http.MethodGet, web.MetadataPath, "")
	var got map[string]any
	if err := json.NewDecoder(res.Body).Decode(&got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"issuer": o.Issuer, "jwks_uri": o.Issuer + "/.well-known/jwks.json", "revocation_endpoint": o.Issuer + "/oauth/revoke",
		"revocation_endpoint_auth_methods_supported": []any{"client_secret_basic"},
		"response_types_supported":                   []any{}, "grant_types_supported": []any{},
	}
	if !reflect.DeepEqual(got, want) || res.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%v\n%v", got, res.Header)
	}
}

// TestWellKnown_OpenID: the document contains that of RFC 8414, and what is true
// of the rest.
func TestWellKnown_OpenID(t *testing.T) {
	o := wellKnown()
	if res := ask(o, http.MethodGet, web.OpenIDPath, ""); res.StatusCode != http.StatusNotFound {
		t.Errorf("without an issuer: %d", res.StatusCode)
	}
	o.Issuer, o.IntrospectPath, o.RevokePath, o.TokenPath = "https://auth.example.com", "/i", "/r", "/t"
	read := func(path string) (got map[string]any) {
		t.Helper()
		if err := json.NewDecoder(ask(o, http.MethodGet, path, "").Body).Decode(&got); err != nil {
			t.Fatal(err)
		}
		return got
	}
	want := read(web.MetadataPath)
	if !reflect.DeepEqual(want["introspection_endpoint_auth_methods_supported"], []any{"client_secret_basic", "client_secret_post", "Bearer"}) {
		t.Errorf("%v", want)
	}
	want["token_endpoint"], want["subject_types_supported"] = o.Issuer+"/t", []any{"public"}
	want["id_token_signing_alg_values_supported"] = []any{"ES256"}
	if got := read(web.OpenIDPath); !reflect.DeepEqual(got, want) {
		t.Errorf("%v\nwant %v", got, want)
	}
}
