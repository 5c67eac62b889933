package graphqlhttp

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

func (f *fixture) get(parameters ...string) *httptest.ResponseRecorder {
	values := url.Values{}
	for i := 0; i < len(parameters); i += 2 {
		values.Set(parameters[i], parameters[i+1])
	}
	return f.do(httptest.NewRequest(http.MethodGet, "/graphql?"+values.Encode(), nil))
}

func TestHandler_Get(t *testing.T) {
	f := newFixture(t, &fakeRoot{})
	for name, parameters := range map[string][]string{
		"query":     {"query", "{ me { name } }"},
		"operation": {"query", "query a { __typename } query b { me { name } }", "operationName", "b"},
		"variables": {"query", "query($x: Boolean!) { me @include(if: $x) { name } }", "variables", `{"x":true}`},
		"introspection with an argument": {"query", `{ __type(name: "User") { name } me { name } }`,
			"extensions", `{}`},
	} {
		t.Run(name, func(t *testing.T) {
			w := f.get(parameters...)
			if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"me":{"name":"Ada"}`) {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
}

func TestHandler_GetRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		status     int
		allow      string
		parameters []string
	}{
		"mutation":                {405, "POST", []string{"query", "mutation { logout }"}},
		"mutation among others":   {405, "POST", []string{"query", "query a { __typename } mutation b { logout }", "operationName", "b"}},
		"subscription's argument": {405, "POST", []string{"query", `subscription { blacklistEvents(since: "2026-01-01T00:00:00Z") { kind } }`}},
		"subscription's variable": {405, "POST", []string{"query", `subscription($s: DateTime) { blacklistEvents(since: $s) { kind } }`, "variables", `{}`}},
		"subscription as JSON":    {400, "", []string{"query", `subscription { sessionEvents { kind } }`}},
		"token":                   {405, "POST", []string{"query", `{ isBlacklisted(token: "` + secret + `") }`}},
		"token in a fragment":     {405, "POST", []string{"query", `{ ...f } fragment f on Query { a: isBlacklisted(token: "` + secret + `") }`}},
		"no query":                {400, "", nil},
		"broken variables":        {400, "", []string{"query", "{__typename}", "variables", "{" + secret}},
		"too long":                {414, "", []string{"query", "{__typename}#" + strings.Repeat("x", 64<<10)}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, &fakeRoot{})
			w := f.get(c.parameters...)
			checkRefused(t, f, w, c.status, "")
			if got := w.Header().Get("Allow"); got != c.allow {
				t.Errorf("Allow = %q", got)
			}
		})
	}
}
