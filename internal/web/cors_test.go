package web

import (
	"net/http"
	"net/http/httptest"
	"testing"
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
					t.Errorf("%s: an origin that is not allowed is told %v", method, h)
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
	CORS(allowed, false, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusTeapot)
	})).ServeHTTP(w, r)
	return w
}
