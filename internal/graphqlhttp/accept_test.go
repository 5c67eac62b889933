package graphqlhttp

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestNegotiate(t *testing.T) {
	const graphQL, json, none = "graphql", "json", "none"
	for _, c := range []struct {
		accept []string
		want   string
	}{
		{nil, json},
		{[]string{""}, json},
		{[]string{"*/*"}, json},
		{[]string{"application/*"}, json},
		{[]string{"application/json"}, json},
		{[]string{"application/json; charset=utf-8"}, json},
		{[]string{"application/json, */*"}, json},
		{[]string{"text/html, application/xhtml+xml, */*;q=0.8"}, json},
		{[]string{"application/graphql-response+json"}, graphQL},
		{[]string{"Application/GraphQL-Response+JSON;charset=UTF-8"}, graphQL},
		{[]string{"application/graphql-response+json, application/json;q=0.9"}, graphQL},
		{[]string{"application/json, application/graphql-response+json"}, graphQL},
		{[]string{"application/graphql-response+json;q=0.5, application/json"}, json},
		{[]string{"application/json", "application/graphql-response+json"}, graphQL},
		{[]string{"application/graphql-response+json, application/graphql+json, application/json, text/event-stream"}, graphQL},
		{[]string{"application/json;q=0, */*"}, graphQL},
		{[]string{"application/json;q=0"}, none},
		{[]string{"application/json;q=two"}, none},
		{[]string{"application/json;q=NaN"}, none},
		{[]string{"application/json;q=2"}, none},
		{[]string{"application/json; charset=utf-16"}, none},
		{[]string{"text/html"}, none},
		{[]string{"garbage,,;"}, none},
	} {
		accept, got := negotiate(c.accept), json
		if !accept.answer {
			got = none
		} else if accept.media == mediaGraphQL {
			got = graphQL
		}
		if got != c.want {
			t.Errorf("negotiate(%q) = %s, want %s", c.accept, got, c.want)
		}
	}
}

func TestHandler_NotAcceptable(t *testing.T) {
	f := newFixture(t, &fakeRoot{})
	w := f.post("text/html", `{"query":"{__typename}"}`)
	checkRefused(t, f, w, http.StatusNotAcceptable, "application/graphql-response+json")
	if got := w.Header().Get("Content-Type"); got != "application/json; charset=utf-8" {
		t.Errorf("Content-Type = %q", got)
	}
}

func TestHandler_Method(t *testing.T) {
	f := newFixture(t, &fakeRoot{})
	t.Run("OPTIONS", func(t *testing.T) {
		w := f.do(httptest.NewRequest(http.MethodOptions, "/graphql", nil))
		if w.Code != http.StatusNoContent || w.Header().Get("Allow") != allowedMethods {
			t.Errorf("%d %v", w.Code, w.Header())
		}
	})
	t.Run("others", func(t *testing.T) {
		for _, method := range []string{"HEAD", "PUT", "PATCH", "DELETE", "TRACE", "QUERY"} {
			w := f.do(httptest.NewRequest(method, "/graphql", nil))
			if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != allowedMethods {
				t.Errorf("%s: %d %v", method, w.Code, w.Header())
			}
		}
	})
}
