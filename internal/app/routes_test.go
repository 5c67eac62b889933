package app

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// request sends a request and returns its answer, read.
func (s *stack) request(method, path, body string, header ...string) (*http.Response, string) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return res, string(text)
}

// TestRoutes: a path is served as it is spelt, to the methods that it has.
func TestRoutes(t *testing.T) {
	s := newStack(t, engines()[0], nil)
	for request, want := range map[string]int{
		"GET /livez": 200, "HEAD /livez": 200, "POST /livez": 405, "DELETE /livez": 405,
		"HEAD /readyz": 200, "POST /readyz": 405,
		"GET /schema.graphql": 200, "POST /schema.graphql": 405,
		"GET /%67raphql?query={__typename}": 404, "POST /%67raphql": 404, "GET /%6civez": 404, "GET /readyz/": 404, "GET //livez": 404,
		"GET /oauth%2Fintrospect": 404, "GET /.well-known/jwks.jso%6e": 404, "GET /schema%2Egraphql": 404,
		"GET /graphql?query={__typename}": 200,
	} {
		method, path, _ := strings.Cut(request, " ")
		res, _ := s.request(method, path, "")
		if res.StatusCode != want || want == 405 && res.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: %d, Allow %q", request, res.StatusCode, res.Header.Get("Allow"))
		}
	}
	if res, _ := s.request("GET", "/graphql", "", "Accept", "text/html"); res.StatusCode != http.StatusSeeOther || res.Header.Get("Location") != "/" {
		t.Errorf("a browser gets %d", res.StatusCode)
	}
}

// TestRoutes_hidden: without introspection and explorer nothing shows the schema.
func TestRoutes_hidden(t *testing.T) {
	s := newStack(t, engines()[0], map[string]string{"INTROSPECTION": "off", "EXPLORER": "off"})
	if res, body := s.request("GET", "/schema.graphql", ""); res.StatusCode != http.StatusNotFound || strings.Contains(body, "Query") {
		t.Errorf("%d %s", res.StatusCode, body)
	}
	if res, _ := s.request("GET", "/graphql", "", "Accept", "text/html"); res.StatusCode != http.StatusNotAcceptable {
		t.Errorf("a browser gets %d", res.StatusCode)
	}
}

// TestSchema_served: the schema in one document is the one that introspection
// shows, and neither has @defer, which is refused.
func TestSchema_served(t *testing.T) {
	s := newStack(t, engines()[0], nil)
	var shown struct {
		Schema struct {
			Directives []struct{ Name string }
			Types      []struct{ Name string }
		} `json:"__schema"`
	}
	if problem := s.graphql("", `{ __schema { directives { name } types { name } } }`, nil, &shown); problem != "" {
		t.Fatal(problem)
	}
	_, sdl := s.request("GET", "/schema.graphql", "")
	for _, d := range shown.Schema.Directives {
		if d.Name == "defer" || d.Name == "stream" {
			t.Errorf("introspection shows @%s", d.Name)
		}
	}
	for _, typ := range shown.Schema.Types {
		builtIn := strings.HasPrefix(typ.Name, "__") || strings.Contains(" Int Float String Boolean ID ", " "+typ.Name+" ")
		if !builtIn && !regexp.MustCompile(`(?m)^(type|input|enum|scalar|interface) `+typ.Name+`\b`).MatchString(sdl) {
			t.Errorf("the document does not have %s", typ.Name)
		}
	}
	if strings.Contains(sdl, "extend ") || strings.Contains(sdl, "@defer") {
		t.Error("the document has an extension or @defer")
	}
}

// TestRoutes_preflight: a page may send headers of its own to GraphQL, and to the
// legacy route only those of a fixed list.
func TestRoutes_preflight(t *testing.T) {
	for only, allowed := range map[string]string{"": "traceparent,sentry-trace", "baggage": "baggage"} {
		s := newStack(t, engines()[0], map[string]string{"CORS_HEADERS": only})
		for path, own := range map[string]bool{"/graphql": true, "/auth/refresh": false} {
			res, body := s.request("OPTIONS", path, "", "Origin", "https://app.example.com",
				"Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "traceparent,sentry-trace")
			got := res.Header.Get("Access-Control-Allow-Headers")
			if res.StatusCode != http.StatusNoContent || body != "" || strings.HasSuffix(got, ","+allowed) != own || !strings.Contains(got, "Idempotency-Key") {
				t.Errorf("%s with CORS_HEADERS=%s: %d, %q", path, only, res.StatusCode, got)
			}
		}
	}
}
