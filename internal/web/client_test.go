package web

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"

	"rekey/internal/auth"
)

// clientOf returns what Client makes of a request, and the answer's id.
func clientOf(p Proxies, r *http.Request) (auth.Client, string) {
	var got auth.Client
	w := httptest.NewRecorder()
	Client(p, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got = auth.ClientFrom(r.Context())
	})).ServeHTTP(w, r)
	return got, w.Header().Get("X-Request-ID")
}

func TestClient(t *testing.T) {
	t.Run("Context", func(t *testing.T) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = "10.0.0.1:5"
		r.Header.Set("X-Forwarded-For", "2001:db8::1")
		r.Header.Set("User-Agent", "Mozilla/5.0")
		r.Header.Set("X-Request-ID", "trace_1.2-3")
		got, echoed := clientOf(proxies("10.0.0.0/8"), r)
		if want := (auth.Client{Address: "2001:db8::1", UserAgent: "Mozilla/5.0", RequestID: "trace_1.2-3"}); got != want {
			t.Errorf("client = %+v, want %+v", got, want)
		}
		if echoed != "trace_1.2-3" {
			t.Errorf("X-Request-ID = %q", echoed)
		}
	})
	t.Run("NoAddress", func(t *testing.T) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = ""
		if got, _ := clientOf(nil, r); got.Address != "" {
			t.Errorf("address = %q, want none", got.Address)
		}
	})
}

func TestClient_RequestID(t *testing.T) {
	for name, tc := range map[string]struct {
		values []string
		taken  bool
	}{
		"None":        {nil, false},
		"Short":       {[]string{"1234567"}, false},
		"Shortest":    {[]string{"12345678"}, true},
		"Longest":     {[]string{strings.Repeat("a", 64)}, true},
		"Long":        {[]string{strings.Repeat("a", 65)}, false},
		"Space":       {[]string{"1234 5678"}, false},
		"Quote":       {[]string{`12345678"`}, false},
		"NotASCII":    {[]string{"1234567é"}, false},
		"TwoOfThem":   {[]string{"12345678", "abcdefgh"}, false},
		"UUID":        {[]string{"95a51a3f-56fa-4889-bf80-3c57d054b1c2"}, true},
		"TraceParent": {[]string{"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.Header["X-Request-Id"] = tc.values
			got, echoed := clientOf(nil, r)
			if got.RequestID != echoed {
				t.Errorf("answered %q, logged %q", echoed, got.RequestID)
			}
			if taken := len(tc.values) > 0 && got.RequestID == tc.values[0]; taken != tc.taken {
				t.Errorf("id %q, taken = %v", got.RequestID, taken)
			}
			if !tc.taken && len(got.RequestID) != 32 {
				t.Errorf("created %q, want 128 bits in hex", got.RequestID)
			}
		})
	}
	t.Run("Unique", func(t *testing.T) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		a, _ := clientOf(nil, r)
		if b, _ := clientOf(nil, r); a.RequestID == b.RequestID {
			t.Error("two requests have one id")
		}
	})
}

func TestClient_UserAgent(t *testing.T) {
	for name, tc := range map[string]struct{ in, want string }{
		"Plain":       {"PostmanRuntime/7.28.4", "PostmanRuntime/7.28.4"},
		"Control":     {"a\r\nb\x00\x1b[31mc\u0085d", "ab[31mcd"},
		"InvalidUTF8": {"a\xff\xfeb\xc3", "ab"},
		"Bidi":        {"safe\u202eexe\u2028x", "safeexex"},
		"Unicode":     {"Böngésző", "Böngésző"},
		"Long":        {strings.Repeat("x", 1000), strings.Repeat("x", 256)},
		"LongUnicode": {"x" + strings.Repeat("é", 200), "x" + strings.Repeat("é", 127)},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.Header["User-Agent"] = []string{tc.in}
			got, _ := clientOf(nil, r)
			if got.UserAgent != tc.want || !utf8.ValidString(got.UserAgent) {
				t.Errorf("user agent %q, want %q", got.UserAgent, tc.want)
			}
		})
	}
}
