package compat

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"rekey/internal/auth"
	"rekey/internal/limit"
	"rekey/internal/token"
)

// emptyStore knows no session. Anything that the guard does not need panics.
type emptyStore struct{ auth.Store }

func (emptyStore) Rotate(context.Context, auth.Rotation) (auth.SessionState, error) {
	return auth.SessionState{}, auth.ErrMovedOn
}

func (emptyStore) SessionState(context.Context, string, auth.SecretHash) (auth.SessionState, error) {
	return auth.SessionState{}, auth.ErrNotFound
}

// FuzzGuard gives the transport any method, path and headers: it answers one of the
// statuses of the contract, in an envelope, and never panics.
func FuzzGuard(f *testing.F) {
	access, refresh := fixedKey(f, 2), fixedKey(f, 3)
	transport := fuzzedTransport(f, access, refresh)
	now := time.Unix(1636892548, 0)
	claims := claimsFor(auth.User{ID: "u"}, "95a51a3f-56fa-4889-bf80-3c57d054b1c2", "s", now, time.Hour)
	good := signToken(f, refresh, headerES256, toJSON(f, claims))
	for _, authorization := range []string{
		"", "Bearer", "Bearer ", "Basic eDp5", "Bearer a.b.c", "Bearer ...", "Bearer !.!.!", "bearer " + good,
		"Bearer " + good + ", Bearer " + good, "Bearer " + signToken(f, access, headerES256, `{}`),
		"Bearer " + signToken(f, refresh, `{"alg":"none"}`, `{"exp":1e300}`),
		"Bearer " + signToken(f, refresh, `{"alg":"<script>"}`, `[]`),
		"Bearer " + signToken(f, refresh, headerES256, `{"exp":99999999999,"user":{"auth":{"id":"\u2028","token":"x"}}}`),
	} {
		f.Add("GET", "/auth/refresh", authorization, "")
		f.Add("POST", "/auth/%72efresh", authorization, "0123456789abcdef")
	}
	f.Fuzz(func(t *testing.T, method, path, authorization, key string) {
		u, err := url.ParseRequestURI(path)
		if err != nil {
			return // net/http would not let it in
		}
		r := &http.Request{Method: method, URL: u, Header: http.Header{"Authorization": {authorization}}}
		if key != "" {
			r.Header.Set("Idempotency-Key", key)
		}
		w := httptest.NewRecorder()
		transport.ServeHTTP(w, r)
		checkKnown(t, w)
	})
}

// FuzzSignedToken gives the transport whatever header and claims under a good
// signature.
func FuzzSignedToken(f *testing.F) {
	refresh := fixedKey(f, 3)
	transport := fuzzedTransport(f, fixedKey(f, 2), refresh)
	for _, claims := range []string{
		`{}`, `[]`, `{"exp":1e300}`, `{"exp":99999999999}`, `{"exp":99999999999,"user":{"auth":null}}`,
		`{"exp":1,"exp":99999999999}`, `{"exp":"<x>","user":{"created_at":"<y>"}}`, "{\"exp\":\"\xff\"}",
	} {
		f.Add(headerES256, claims)
		f.Add(`{"alg":"ES256","crit":[]}`, claims)
	}
	f.Fuzz(func(t *testing.T, header, claims string) {
		r := httptest.NewRequest(http.MethodGet, refreshPath, nil)
		r.Header.Set("Authorization", "Bearer "+signToken(t, refresh, header, claims))
		w := httptest.NewRecorder()
		transport.ServeHTTP(w, r)
		checkKnown(t, w)
	})
}

// fixedKey is the same in every process: the fuzzer's workers are processes of
// their own, and what is kept in testdata must mean the same tomorrow.
func fixedKey(f *testing.F, last byte) *ecdsa.PrivateKey {
	f.Helper()
	scalar := make([]byte, 32)
	scalar[31] = last
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar)
	if err != nil {
		f.Fatal(err)
	}
	return key
}

func fuzzedTransport(f *testing.F, access, refresh *ecdsa.PrivateKey) http.Handler {
	codec, err := token.New(token.Options{Access: token.KeySet{Signing: access}, Refresh: token.KeySet{Signing: refresh}})
	if err != nil {
		f.Fatal(err)
	}
	service, err := auth.New(auth.Options{
		Settings: auth.Settings{AccessTTL: accessTTL, RefreshTTL: refreshTTL, SessionTTL: sessionTTL},
		Store:    emptyStore{}, Tokens: codec, Blacklist: doubtful{}, Limiter: limit.Off{}, Events: noEvents{},
		Passwords: auth.NewPasswords(1, 1, nil), RotationKeys: auth.FixedKeys(make([]byte, 32)),
		Now: func() time.Time { return time.Unix(1636892548, 0) },
	})
	if err != nil {
		f.Fatal(err)
	}
	return New(Options{Auth: service, PublicKey: noKey, Logger: slog.New(slog.DiscardHandler)})
}

// checkKnown fails on anything but an answer that the contract names. Nobody
// is let in, for no session exists.
func checkKnown(t *testing.T, w *httptest.ResponseRecorder) {
	t.Helper()
	var e envelope
	if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil || !bytes.Equal(e.bytes(), w.Body.Bytes()) {
		t.Fatalf("body %q: %v", w.Body, err)
	}
	messages := map[int]string{ // empty: several
		http.StatusNotFound: "Not Found", http.StatusInternalServerError: "auth token not found",
		http.StatusBadRequest: "", http.StatusUnauthorized: "",
	}
	want, known := messages[w.Code]
	if !known || want != "" && e.Message != want || e.Message == "" || e.Success || e.Payload != nil {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if len(e.Message) > len(invalidPrefix)+maxDetail+40 {
		t.Errorf("message of %d bytes", len(e.Message))
	}
	if challenge := w.Header().Get("WWW-Authenticate"); (challenge == "Bearer") != (w.Code == http.StatusUnauthorized) {
		t.Errorf("%d with WWW-Authenticate %q", w.Code, challenge)
	}
}
