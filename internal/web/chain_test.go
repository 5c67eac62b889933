package web

import (
	"errors"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"rekey/internal/auth"
)

// always is the header set of the contract.
func always() http.Header {
	return http.Header{
		"Content-Security-Policy": {"default-src 'self' 'unsafe-inline'"},
		"Vary":                    {"Accept-Encoding", "Origin"},
		"X-Content-Type-Options":  {"nosniff"},
		"X-Frame-Options":         {"SAMEORIGIN"},
		"X-Xss-Protection":        {"1; mode=block"},
		"Cache-Control":           {"no-store"},
	}
}

func with(h http.Header, pairs ...string) http.Header {
	for i := 0; i < len(pairs); i += 2 {
		h.Set(pairs[i], pairs[i+1])
	}
	return h
}

// routes has one path for each kind of answer.
func routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/ok", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"ok":true}`))
	})
	mux.HandleFunc("/panic", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "3")
		w.Header().Set("Set-Cookie", "half=made")
		w.Header().Set("Cache-Control", "public")
		panic("secret of the panic")
	})
	mux.HandleFunc("/empty", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("/silent", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/nothing", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(nil) })
	mux.HandleFunc("/same", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotModified) })
	return mux
}

// TestChain_HeadersOfOwn: answers that are not the legacy service's may neither load
// nor run anything in a browser, and preflights list no method that no path has.
func TestChain_HeadersOfOwn(t *testing.T) {
	s := start(t, Options{
		Legacy: func(path string) bool { return path == "/none" }, Proxies: proxies("127.0.0.0/8", "::1/128"),
		CORS: CORSOptions{Origins: []string{"*"}},
	}, routes())
	strict := map[string]string{
		"Content-Security-Policy": apiPolicy, "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff",
	}
	for _, path := range []string{"/ok", "/panic", "/empty", "/silent"} {
		res := call(t, s, http.MethodGet, path)
		for name, want := range strict {
			if got := res.header.Values(name); len(got) != 1 || got[0] != want {
				t.Errorf("%s: %s: %q", path, name, got)
			}
		}
	}
	if res := call(t, s, http.MethodGet, "/none"); res.header.Get("Content-Security-Policy") != always().Get("Content-Security-Policy") || res.header.Get("Referrer-Policy") != "" {
		t.Errorf("a legacy path: %v", res.header)
	}
	for path, want := range map[string]string{"/ok": "OPTIONS,HEAD,GET,POST", "/none": "OPTIONS,HEAD,GET,PUT,POST,DELETE"} {
		res := call(t, s, http.MethodOptions, path, "Origin", "https://app.example")
		if got := res.header.Get("Access-Control-Allow-Methods"); got != want {
			t.Errorf("a preflight of %s: %q", path, got)
		}
	}
}

func TestChain_Headers(t *testing.T) {
	s := start(t, Options{Proxies: proxies("127.0.0.0/8", "::1/128")}, routes())
	origin := []string{"Origin", "https://app.example"}
	for name, tc := range map[string]struct {
		method, path string
		headers      []string
		status       int
		also         []string
	}{
		"OK":       {"GET", "/ok", nil, 200, nil},
		"Head":     {"HEAD", "/ok", nil, 200, nil},
		"NotFound": {"GET", "/none", nil, 404, nil},
		"Panic":    {"GET", "/panic", nil, 500, nil},
		"Empty":    {"GET", "/empty", nil, 204, nil},
		"Options":  {"OPTIONS", "/ok", nil, 200, nil},
		"HTTPS":    {"GET", "/ok", []string{"X-Forwarded-Proto", "https"}, 200, []string{"Strict-Transport-Security", "max-age=3600; includeSubdomains"}},
		"Origin": {"GET", "/ok", origin, 200, []string{"Access-Control-Allow-Origin", "*",
			"Access-Control-Expose-Headers", "Retry-After, X-Request-ID, WWW-Authenticate"}},
		"OriginAndPanic": {"POST", "/panic", origin, 500, []string{"Access-Control-Allow-Origin", "*",
			"Access-Control-Expose-Headers", "Retry-After, X-Request-ID, WWW-Authenticate"}},
		"Preflight": {"OPTIONS", "/none", origin, 204, []string{"Access-Control-Allow-Origin", "*",
			"Access-Control-Allow-Methods", "OPTIONS,HEAD,GET,PUT,POST,DELETE",
			"Access-Control-Allow-Headers", "Origin,Content-Type,Accept,X-Request-ID,Authorization,Idempotency-Key"}},
	} {
		for _, encoding := range []string{"", "gzip"} {
			t.Run(name+encoding, func(t *testing.T) {
				headers := slices.Clone(tc.headers)
				if encoding != "" {
					headers = append(headers, "Accept-Encoding", encoding)
				}
				res := call(t, s, tc.method, tc.path, headers...)
				if res.status != tc.status {
					t.Errorf("status %d, want %d", res.status, tc.status)
				}
				if res.header.Get("X-Request-ID") == "" {
					t.Error("no X-Request-ID")
				}
				got := maps.Clone(res.header)
				for _, h := range []string{"Date", "X-Request-Id", "Content-Type", "Content-Length", "Content-Encoding"} {
					delete(got, h)
				}
				want := with(always(), tc.also...)
				if name == "Preflight" {
					want["Vary"] = append(slices.Clone(want["Vary"]), "Access-Control-Request-Method", "Access-Control-Request-Headers")
				}
				if !reflect.DeepEqual(got, want) {
					t.Errorf("headers %v\nwant    %v", got, want)
				}
			})
		}
	}
}

func TestChain_Gzip(t *testing.T) {
	s := start(t, Options{}, routes())
	t.Run("Bodies", func(t *testing.T) {
		for path, want := range map[string]string{"/ok": `{"ok":true}`, "/none": "404 page not found\n", "/panic": `"INTERNAL"`} {
			res := call(t, s, "GET", path, "Accept-Encoding", "br, zstd, gzip;q=0.5")
			if res.header.Get("Content-Encoding") != "gzip" || !strings.Contains(gunzip(t, res.body), want) {
				t.Errorf("%s: %v %q", path, res.header, res.body)
			}
			if res.header.Get("Content-Length") != "" && res.length != int64(len(res.body)) {
				t.Errorf("%s: Content-Length %d, %d bytes", path, res.length, len(res.body))
			}
		}
	})
	t.Run("NotAccepted", func(t *testing.T) {
		for _, accepts := range []string{"", "identity", "zstd, br", "gzip;q=0"} {
			res := call(t, s, "GET", "/ok", "Accept-Encoding", accepts)
			if res.header.Get("Content-Encoding") != "" || string(res.body) != `{"ok":true}` {
				t.Errorf("%q: %v %q", accepts, res.header, res.body)
			}
		}
	})
	t.Run("WithoutBody", func(t *testing.T) {
		for path, method := range map[string]string{"/ok": "HEAD", "/empty": "GET", "/same": "GET", "/silent": "GET", "/nothing": "GET"} {
			res := call(t, s, method, path, "Accept-Encoding", "gzip")
			if res.header.Get("Content-Encoding") != "" || len(res.body) != 0 {
				t.Errorf("%s %s: %v %q", method, path, res.header, res.body)
			}
		}
	})
}

func TestChain_Render(t *testing.T) {
	render := func(w http.ResponseWriter, _ *http.Request, e *auth.Error) {
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = w.Write([]byte("rendered: " + e.Message))
	}
	s := start(t, Options{RenderError: render}, routes())
	if res := call(t, s, "GET", "/panic"); string(res.body) != "rendered: internal error" {
		t.Errorf("body %q", res.body)
	}
}

func TestChain_BodyLimit(t *testing.T) {
	var failure error
	s := start(t, Options{}, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		buf := make([]byte, MaxBodyBytes+1)
		n := 0
		for failure == nil {
			var m int
			m, failure = r.Body.Read(buf[n:])
			n += m
		}
	}))
	res, err := s.Client().Post(s.URL, "application/json", strings.NewReader(strings.Repeat("x", MaxBodyBytes+1)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if tooLarge := (*http.MaxBytesError)(nil); !errors.As(failure, &tooLarge) {
		t.Errorf("reading an oversized body: %v", failure)
	}
	if !res.Close {
		t.Error("the connection stays open: the rest of the body would be read")
	}
}
