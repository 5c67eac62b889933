package compat

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"rekey/internal/auth"
)

// fakeService returns the given answers and records the calls.
type fakeService struct {
	err      error
	checkErr error
	grant    auth.Grant
	refresh  []auth.RefreshInput
	checked  []string
	client   auth.Client
}

func (f *fakeService) Refresh(_ context.Context, in auth.RefreshInput, c auth.Client) (auth.Grant, error) {
	f.refresh = append(f.refresh, in)
	f.client = c
	return f.grant, f.err
}

func (f *fakeService) CheckRefreshToken(_ context.Context, token string, c auth.Client) error {
	f.checked = append(f.checked, token)
	f.client = c
	return f.checkErr
}

func serve(s Service, log io.Writer, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	New(Options{Auth: s, PublicKey: noKey, Logger: slog.New(slog.NewTextHandler(log, nil))}).ServeHTTP(w, r)
	return w
}

func request(method, target, authorization string) *http.Request {
	r := httptest.NewRequest(method, target, nil)
	r.Header.Set("Authorization", authorization)
	return r
}

func TestHandler_Routes(t *testing.T) {
	cases := []struct {
		method, target string
		status         int
		asked          string
	}{
		{"GET", "/auth/refresh", 201, "refresh"},
		{"GET", "/auth/refresh?x=/auth/y", 201, "refresh"},
		{"GET", "/auth/refresh/", 404, "check"},
		{"GET", "/auth/refresh/x", 404, "check"},
		{"GET", "/auth//refresh", 404, "check"},
		{"GET", "/auth/./refresh", 404, "check"},
		{"GET", "/auth/x/../refresh", 404, "check"},
		{"GET", "/auth/Refresh", 404, "check"},
		{"GET", "/auth/%72efresh", 404, "check"},
		{"GET", "/auth/refresh%2F", 404, "check"},
		{"GET", "/auth/", 404, "check"},
		{"POST", "/auth/refresh", 404, "check"},
		{"HEAD", "/auth/refresh", 404, "check"},
		{"get", "/auth/refresh", 404, "check"},
		{"OPTIONS", "/auth/refresh", 204, ""},
		{"GET", "/auth", 404, ""},
		{"GET", "/authx", 404, ""},
		{"GET", "/%61uth/refresh", 404, ""},
		{"GET", "/Auth/refresh", 404, ""},
		{"GET", "/", 404, ""},
	}
	for _, c := range cases {
		t.Run(c.method+" "+c.target, func(t *testing.T) {
			f := &fakeService{}
			w := serve(f, io.Discard, request(c.method, c.target, "Bearer a.b.c"))
			if w.Code != c.status {
				t.Errorf("status %d, want %d", w.Code, c.status)
			}
			if asked := f.asked(); asked != c.asked {
				t.Errorf("asked the core for %q, want %q", asked, c.asked)
			}
			want := "application/json; charset=UTF-8"
			if c.method == http.MethodHead || c.method == http.MethodOptions {
				want = "" // no body
			}
			if got := w.Header().Get("Content-Type"); got != want || want == "" && w.Body.Len() > 0 {
				t.Errorf("Content-Type %q, %d bytes", got, w.Body.Len())
			}
		})
	}
}

func (f *fakeService) asked() string {
	return strings.TrimSpace(strings.Repeat("refresh ", len(f.refresh)) + strings.Repeat("check ", len(f.checked)))
}

func TestHandler_PassesOn(t *testing.T) {
	r := request("GET", "/auth/refresh", "bEaReR a.b.c")
	r.Header.Set("Idempotency-Key", "0123456789abcdef")
	r = r.WithContext(auth.WithClient(r.Context(), auth.Client{Address: "192.0.2.1", RequestID: "r1"}))
	f := &fakeService{}
	serve(f, io.Discard, r)
	if want := (auth.RefreshInput{Token: "a.b.c", IdempotencyKey: "0123456789abcdef"}); len(f.refresh) != 1 || f.refresh[0] != want {
		t.Errorf("input %+v, want %+v", f.refresh, want)
	}
	if want := (auth.Client{Address: "192.0.2.1", RequestID: "r1", Transport: "rest"}); f.client != want {
		t.Errorf("client %+v, want %+v", f.client, want)
	}
}

func TestHandler_LeavesAMissingTokenToTheCore(t *testing.T) {
	for _, target := range []string{"/auth/refresh", "/auth/unknown"} {
		f := &fakeService{}
		r := httptest.NewRequest(http.MethodGet, target, nil)
		r.Header.Add("Authorization", "Bearer a.b.c")
		r.Header.Add("Authorization", "Bearer a.b.c")
		serve(f, io.Discard, r)
		if got := f.tokens(); len(got) != 1 || got[0] != "" {
			t.Errorf("%s: asked for %q, want the empty token", target, got)
		}
	}
}

func (f *fakeService) tokens() []string {
	got := f.checked
	for _, in := range f.refresh {
		got = append(got, in.Token)
	}
	return got
}

func TestHandler_IdempotencyKey(t *testing.T) {
	cases := []struct {
		name   string
		keys   []string
		guard  error
		status int
		asked  string
	}{
		{"none", nil, nil, 201, "refresh"},
		{"one", []string{"0123456789abcdef"}, nil, 201, "refresh"},
		{"two", []string{"0123456789abcdef", "0123456789abcdef"}, nil, 400, "check"},
		{"empty", []string{""}, nil, 400, "check"},
		{"two, and the token does not verify", []string{"a", "b"}, auth.InvalidToken(auth.TokenFailure{Fault: auth.FaultSignature}), 401, "check"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f := &fakeService{checkErr: c.guard}
			r := request("GET", "/auth/refresh", "Bearer a.b.c")
			for _, k := range c.keys {
				r.Header.Add("Idempotency-Key", k)
			}
			w := serve(f, io.Discard, r)
			if w.Code != c.status || f.asked() != c.asked {
				t.Errorf("status %d, asked %q; want %d, %q", w.Code, f.asked(), c.status, c.asked)
			}
		})
	}
}

func TestHandler_Errors(t *testing.T) {
	cases := []struct {
		name       string
		err        error
		status     int
		message    string
		retryAfter string
		challenge  string
	}{
		{"signature", auth.InvalidToken(auth.TokenFailure{Fault: auth.FaultSignature}), 401, "invalid or expired jwt, internal=crypto/ecdsa: verification error", "", "Bearer"},
		{"blacklisted", auth.Unauthenticated(auth.ReasonTokenReused, "x"), 500, "token is blacklisted", "", ""},
		{"rate limited", auth.RateLimited(1001 * time.Millisecond), 429, "Too many requests", "2", ""},
		{"rate limited for no time", auth.RateLimited(0), 429, "Too many requests", "1", ""},
		{"unavailable", auth.Unavailable(errors.New("the database is down")), 503, "Service Unavailable", "1", ""},
		{"bad input", auth.BadInput("idempotencyKey", "what is wrong"), 400, "what is wrong", "", ""},
		{"internal", errors.New("the cause"), 500, "Internal Server Error", "", ""},
	}
	for _, c := range cases {
		for _, target := range []string{"/auth/refresh", "/auth/unknown"} {
			t.Run(c.name+" "+target, func(t *testing.T) {
				w := serve(&fakeService{err: c.err, checkErr: c.err}, io.Discard, request("GET", target, "Bearer a.b.c"))
				h := w.Header()
				if w.Code != c.status || h.Get("Retry-After") != c.retryAfter || h.Get("WWW-Authenticate") != c.challenge {
					t.Errorf("got %d, headers %v", w.Code, h)
				}
				if want := string(envelope{Message: c.message}.bytes()); w.Body.String() != want {
					t.Errorf("body %s want %s", w.Body, want)
				}
			})
		}
	}
}

func TestHandler_Logs(t *testing.T) {
	cases := []struct {
		name  string
		err   error
		level string
	}{
		{"internal", errors.New("the cause"), "ERROR"},
		{"unavailable", auth.Unavailable(errors.New("the cause")), "WARN"},
		{"the client's fault", &auth.Error{Code: auth.CodeUnauthenticated, Reason: auth.ReasonTokenBlacklisted, Err: errors.New("the cause")}, "INFO"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var log bytes.Buffer
			r := request("GET", "/auth/refresh", "Bearer a.b.c")
			r = r.WithContext(auth.WithClient(r.Context(), auth.Client{RequestID: "the-request"}))
			w := serve(&fakeService{err: c.err}, &log, r)
			if n := strings.Count(log.String(), "\n"); n != 1 {
				t.Fatalf("%d lines: %s", n, &log)
			}
			for _, want := range []string{"the cause", "request_id=the-request", "level=" + c.level} {
				if !strings.Contains(log.String(), want) {
					t.Errorf("the log lacks %q: %s", want, &log)
				}
			}
			if strings.Contains(log.String(), "a.b.c") || strings.Contains(w.Body.String(), "the cause") {
				t.Errorf("the cause or the token was revealed: log %s body %s", &log, w.Body)
			}
		})
	}
}

func TestHandler_LeavesTheBodyUnread(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/auth/refresh", untouchable{t})
	r.Header.Set("Authorization", "Bearer a.b.c")
	if w := serve(&fakeService{}, io.Discard, r); w.Code != http.StatusCreated {
		t.Errorf("status %d", w.Code)
	}
}

type untouchable struct{ t *testing.T }

func (u untouchable) Read([]byte) (int, error) {
	u.t.Error("the body was read")
	return 0, io.EOF
}

func TestRenderError(t *testing.T) {
	w := httptest.NewRecorder()
	RenderError(w, httptest.NewRequest(http.MethodGet, "/auth/refresh", nil), auth.RateLimited(3*time.Second))
	if w.Code != 429 || w.Header().Get("Retry-After") != "3" || !strings.Contains(w.Body.String(), `"Too many requests"`) {
		t.Errorf("got %d %v %s", w.Code, w.Header(), w.Body)
	}
}
