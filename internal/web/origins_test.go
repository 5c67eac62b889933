package web

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"rekey/internal/auth"
)

func TestCORS_Origins(t *testing.T) {
	for name, tc := range map[string]struct {
		allowed []string
		origin  string
		want    string
	}{
		"Any":           {[]string{"*"}, "https://a.example", "*"},
		"Listed":        {[]string{"https://b.example", "https://a.example"}, "https://a.example", "https://a.example"},
		"NotListed":     {[]string{"https://a.example"}, "https://a.example.evil.example", ""},
		"OtherScheme":   {[]string{"https://a.example"}, "http://a.example", ""},
		"OtherPort":     {[]string{"https://a.example"}, "https://a.example:8443", ""},
		"Null":          {[]string{"https://a.example"}, "null", ""},
		"NobodyAllowed": {nil, "https://a.example", ""},
		"NoOrigin":      {[]string{"*"}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			for _, method := range []string{http.MethodGet, http.MethodOptions} {
				h := answer(tc.allowed, method, tc.origin).Header()
				if got := h.Get("Access-Control-Allow-Origin"); got != tc.want {
					t.Errorf("%s: Access-Control-Allow-Origin = %q, want %q", method, got, tc.want)
				}
				if tc.want == "" && h.Get("Access-Control-Allow-Methods")+h.Get("Access-Control-Expose-Headers") != "" {
					t.Errorf("%s: an origin that is not allowed gets %v", method, h)
				}
			}
		})
	}
}

func TestCORS_Preflight(t *testing.T) {
	for name, tc := range map[string]struct {
		method, origin string
		want           int
	}{
		"Preflight":     {http.MethodOptions, "https://a.example", http.StatusNoContent},
		"NotAllowed":    {http.MethodOptions, "https://evil.example", http.StatusNoContent},
		"WithoutOrigin": {http.MethodOptions, "", http.StatusTeapot},
		"NotOptions":    {http.MethodPost, "https://a.example", http.StatusTeapot},
	} {
		t.Run(name, func(t *testing.T) {
			if got := answer([]string{"https://a.example"}, tc.method, tc.origin).Code; got != tc.want {
				t.Errorf("status %d, want %d", got, tc.want)
			}
		})
	}
}

// answer asks a handler behind CORS that answers 418 by itself.
func answer(allowed []string, method, origin string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "/", nil)
	if origin != "" {
		r.Header.Set("Origin", origin)
	}
	w := httptest.NewRecorder()
	CORS(CORSOptions{Origins: allowed}, nil, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusTeapot)
	})).ServeHTTP(w, r)
	return w
}

// TestCORS_Headers: pages may send headers of their own where the handler's
// options say so, within bounds.
func TestCORS_Headers(t *testing.T) {
	own := func(path string) bool { return path == "/graphql" }
	for name, tc := range map[string]struct {
		path, origin, asked string
		only                []string
		want                string
	}{
		"none asked":   {"/graphql", "https://a.example", "", nil, ""},
		"asked":        {"/graphql", "https://a.example", "traceparent, sentry-trace,apollographql-client-name", nil, ",traceparent,sentry-trace,apollographql-client-name"},
		"another path": {"/auth/refresh", "https://a.example", "traceparent", nil, ""},
		"as spelt":     {"/%67raphql", "https://a.example", "traceparent", nil, ""},
		"configured":   {"/graphql", "https://a.example", "traceparent, x-evil", []string{"traceparent", "baggage"}, ",traceparent,baggage"},
		"malformed":    {"/graphql", "https://a.example", "traceparent, x y", nil, ""},
		"a new line":   {"/graphql", "https://a.example", "a\r\nSet-Cookie: b", nil, ""},
		"too many":     {"/graphql", "https://a.example", strings.Repeat("a,", maxRequestedHeaders) + "a", nil, ""},
		"too long":     {"/graphql", "https://a.example", strings.Repeat("a", maxRequestedBytes+1), nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodOptions, tc.path, nil)
			r.Header.Set("Origin", tc.origin)
			r.Header.Set("Access-Control-Request-Method", http.MethodPost)
			if tc.asked != "" {
				r.Header["Access-Control-Request-Headers"] = []string{tc.asked}
			}
			w := httptest.NewRecorder()
			CORS(CORSOptions{Origins: []string{"https://a.example"}, OwnHeaders: own, Headers: tc.only}, nil, http.NotFoundHandler()).ServeHTTP(w, r)
			if got := w.Header().Get("Access-Control-Allow-Headers"); got != allowHeaders+tc.want {
				t.Errorf("Access-Control-Allow-Headers = %q, want %q more", got, tc.want)
			}
			if got := w.Header().Values("Vary"); !slices.Equal(got, []string{"Access-Control-Request-Method", "Access-Control-Request-Headers"}) {
				t.Errorf("Vary = %q", got)
			}
		})
	}
	r := httptest.NewRequest(http.MethodOptions, "/graphql", nil)
	r.Header.Set("Origin", "https://evil.example")
	r.Header.Set("Access-Control-Request-Headers", "traceparent")
	w := httptest.NewRecorder()
	CORS(CORSOptions{Origins: []string{"https://a.example"}, OwnHeaders: own}, nil, http.NotFoundHandler()).ServeHTTP(w, r)
	if got := w.Header().Get("Access-Control-Allow-Headers"); got != "" {
		t.Errorf("another origin gets %q", got)
	}
}

func TestCheckOrigin(t *testing.T) {
	trusted := []string{"https://app.example.com"}
	for name, tc := range map[string]struct {
		method, site, origin string
		trusted              []string
		refused              bool
	}{
		"SameOrigin":         {"POST", "same-origin", "http://auth.example.com", nil, false},
		"TypedByTheUser":     {"POST", "none", "", nil, false},
		"NoBrowser":          {"POST", "", "", nil, false},
		"Sibling":            {"POST", "same-site", "https://evil.example.com", trusted, true},
		"TrustedSibling":     {"POST", "same-site", "https://app.example.com", trusted, false},
		"TrustedCrossSite":   {"POST", "cross-site", "https://app.example.com", trusted, false},
		"CrossSite":          {"POST", "cross-site", "https://evil.example", trusted, true},
		"Sandboxed":          {"POST", "cross-site", "null", trusted, true},
		"CrossSiteNoOrigin":  {"POST", "cross-site", "", trusted, true},
		"OldBrowser":         {"POST", "", "https://evil.example", trusted, true},
		"OldBrowserSame":     {"POST", "", "http://auth.example.com", trusted, false},
		"OldBrowserTrusted":  {"POST", "", "https://app.example.com", trusted, false},
		"AnyIsNobody":        {"POST", "cross-site", "https://evil.example", []string{"*"}, true},
		"Delete":             {"DELETE", "cross-site", "https://evil.example", trusted, true},
		"SafeMethod":         {"GET", "cross-site", "https://evil.example", trusted, false},
		"HostIsNoPrefix":     {"POST", "", "http://auth.example.com.evil.example", trusted, true},
		"OtherPortIsForeign": {"POST", "same-site", "http://auth.example.com:8081", trusted, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(tc.method, "http://auth.example.com/graphql", nil)
			for header, value := range map[string]string{"Sec-Fetch-Site": tc.site, "Origin": tc.origin} {
				if value != "" {
					r.Header.Set(header, value)
				}
			}
			err := CheckOrigin(r, tc.trusted)
			if (err != nil) != tc.refused {
				t.Fatalf("error = %v", err)
			}
			if tc.refused && auth.AsError(err).Code != auth.CodeForbidden {
				t.Errorf("error = %v", err)
			}
		})
	}
}

// Cookies are for origins that are listed, and for preflights of theirs.
func TestCORS_Credentials(t *testing.T) {
	for name, tc := range map[string]struct {
		allowed     []string
		credentials bool
		want        string
	}{
		"Listed":    {[]string{"https://a.example"}, true, "true"},
		"Off":       {[]string{"https://a.example"}, false, ""},
		"Any":       {[]string{"*"}, true, ""},
		"NotListed": {[]string{"https://b.example"}, true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			for _, method := range []string{http.MethodPost, http.MethodOptions} {
				r := httptest.NewRequest(method, "/", nil)
				r.Header.Set("Origin", "https://a.example")
				w := httptest.NewRecorder()
				CORS(CORSOptions{Origins: tc.allowed, Credentials: tc.credentials}, nil, http.NotFoundHandler()).ServeHTTP(w, r)
				if got := w.Header().Get("Access-Control-Allow-Credentials"); got != tc.want {
					t.Errorf("%s: Access-Control-Allow-Credentials = %q, want %q", method, got, tc.want)
				}
			}
		})
	}
}
