package compat

import (
	"net/http"
	"path/filepath"
	"testing"

	"rekey/internal/store"
	"rekey/internal/token"
)

// The legacy service gave its access key to everybody, as text.
func TestPublicKey(t *testing.T) {
	s := newStack(t, store.Options{Path: filepath.Join(t.TempDir(), "rekey.db")})
	want, err := token.PublicPEM(&s.access.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	res := s.send(t, http.MethodGet, publicKeyPath, nil, "")
	if res.status != http.StatusOK || string(res.body) != string(want) {
		t.Errorf("status %d: %s", res.status, res.body)
	}
	if got := res.header.Get("Content-Type"); got != "text/plain; charset=UTF-8" {
		t.Errorf("content type %q", got)
	}
	for _, c := range []struct{ method, path string }{
		{http.MethodPost, publicKeyPath}, {http.MethodGet, publicKeyPath + "/"}, {http.MethodGet, "/auth/public%2Dkey"},
	} {
		if res := s.send(t, c.method, c.path, nil, ""); res.status != http.StatusBadRequest {
			t.Errorf("%s %s passes the guard: %d %s", c.method, c.path, res.status, res.body)
		}
	}
}
