package graphqlhttp

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// request describes one POST that is not as it should be.
type request struct {
	name    string
	method  string
	header  http.Header
	body    string
	status  int    // with either media type
	message string // a part of the error's message
}

func badRequests() []request {
	contentType := func(value string) http.Header { return http.Header{"Content-Type": {value}} }
	ok := `{"query":"{__typename}","x":"` + secret + `"}`
	return []request{
		{name: "JSON that breaks off", body: `{"query":"` + secret, status: 400, message: "not one JSON object"},
		{name: "no JSON at all", body: secret, status: 400, message: "not one JSON object"},
		{name: "empty body", body: ``, status: 400, message: "not one JSON object"},
		{name: "null", body: `null`, status: 400, message: "not one JSON object"},
		{name: "batch", body: `[` + ok + `,` + ok + `]`, status: 400, message: "not one JSON object"},
		{name: "trailing data", body: ok + ok, status: 400, message: "not one JSON object"},
		{name: "not UTF-8", body: "{\"query\":\"{__typename} # \xff" + secret + "\"}", status: 400, message: "not UTF-8"},
		{name: "byte order mark", body: "\ufeff" + ok, status: 400, message: "not one JSON object"},
		{name: "no query", body: `{"qeury":"{` + secret + `}"}`, status: 400, message: `"query" is missing`},
		{name: "query in capitals", body: `{"QUERY":"{__typename}"}`, status: 400, message: `"query" is missing`},
		{name: "query is null", body: `{"query":null}`, status: 400, message: `"query" is missing`},
		{name: "query is a number", body: `{"query":1}`, status: 400, message: `"query" must be a string`},
		{name: "operationName is a list", body: `{"query":"{__typename}","operationName":["` + secret + `"]}`, status: 400, message: `"operationName" must be a string`},
		{name: "variables are a list", body: `{"query":"{__typename}","variables":["` + secret + `"]}`, status: 400, message: `"variables" must be an object`},
		{name: "variables are text", body: `{"query":"{__typename}","variables":"` + secret + `"}`, status: 400, message: `"variables" must be an object`},
		{name: "extensions are text", body: `{"query":"{__typename}","extensions":"` + secret + `"}`, status: 400, message: `"extensions" must be an object`},
		{name: "no content type", header: http.Header{"Content-Type": nil}, body: ok, status: 415, message: "application/json"},
		{name: "text", header: contentType("text/plain"), body: ok, status: 415, message: "application/json"},
		{name: "form", header: contentType("application/x-www-form-urlencoded"), body: ok, status: 415, message: "application/json"},
		{name: "multipart", header: contentType("multipart/form-data; boundary=x"), body: ok, status: 415, message: "application/json"},
		{name: "application/graphql", header: contentType("application/graphql"), body: `{__typename}`, status: 415, message: "application/json"},
		{name: "latin 1", header: contentType("application/json; charset=iso-8859-1"), body: ok, status: 415, message: "utf-8"},
		{name: "gzip", header: http.Header{"Content-Encoding": {"gzip"}}, body: ok, status: 415, message: "encoded"},
		{name: "too long", body: `{"query":"{__typename}","x":"` + strings.Repeat(secret, 10_000) + `"}`, status: 413, message: "65536 bytes"},
		{name: "PUT", method: http.MethodPut, body: ok, status: 405, message: "POST"},
		{name: "DELETE", method: http.MethodDelete, status: 405, message: "POST"},
	}
}

func TestHandler_BadRequest(t *testing.T) {
	for _, bad := range badRequests() {
		for _, accept := range []string{acceptJSON, acceptGraphQL} {
			t.Run(bad.name+" "+accept, func(t *testing.T) {
				f := newFixture(t, &fakeRoot{})
				r := httptest.NewRequest(bad.method, "/graphql", strings.NewReader(bad.body))
				if bad.method == "" {
					r.Method = http.MethodPost
				}
				r.Header = http.Header{"Content-Type": {"application/json"}, "Accept": {accept}}
				for name, values := range bad.header {
					r.Header[name] = values
				}
				w := f.do(r)
				checkRefused(t, f, w, bad.status, bad.message)
				if got := w.Header().Get("Content-Type"); got != accept+"; charset=utf-8" {
					t.Errorf("Content-Type = %q", got)
				}
			})
		}
	}
}

// checkRefused checks an error in the transport's form that repeats nothing.
func checkRefused(t *testing.T, f *fixture, w *httptest.ResponseRecorder, status int, message string) {
	t.Helper()
	if w.Code != status {
		t.Errorf("status = %d, want %d: %s", w.Code, status, w.Body)
	}
	if strings.Contains(w.Body.String(), secret) || strings.Contains(f.log.String(), secret) {
		t.Errorf("the request is repeated: %s; log: %s", w.Body, f.log)
	}
	if f.root.mutated > 0 {
		t.Error("the mutation was executed")
	}
	answer := decode(t, w)
	if answer.Data != nil || len(answer.Errors) == 0 {
		t.Fatalf("answer = %s", w.Body)
	}
	e := answer.Errors[0]
	if !strings.Contains(e.Message, message) {
		t.Errorf("message = %q, want %q in it", e.Message, message)
	}
	if e.Extensions.Code != "BAD_USER_INPUT" || e.Extensions.RequestID != testRequestID ||
		e.Extensions.Retryable == nil || *e.Extensions.Retryable {
		t.Errorf("extensions: %s", w.Body)
	}
}

func TestHandler_BodyOfUnknownLength(t *testing.T) {
	f := newFixture(t, &fakeRoot{})
	body := io.MultiReader(strings.NewReader(`{"query":"`), bytes.NewReader(make([]byte, 64<<10)))
	r := httptest.NewRequest(http.MethodPost, "/graphql", body)
	r.ContentLength = -1
	r.Header.Set("Content-Type", "application/json")
	checkRefused(t, f, f.do(r), http.StatusRequestEntityTooLarge, "65536 bytes")
}

func TestHandler_LongestBody(t *testing.T) {
	f := newFixture(t, &fakeRoot{})
	start := `{"query":"{__typename}","extensions":{"x":"`
	body := start + strings.Repeat("x", 64<<10-len(start)-len(`"}}`)) + `"}}`
	if w := f.post(acceptJSON, body); w.Code != http.StatusOK || len(body) != 64<<10 {
		t.Errorf("status = %d for %d bytes: %s", w.Code, len(body), w.Body)
	}
}

// badDocument is well-formed GraphQL over HTTP with something wrong in it.
type badDocument struct {
	name      string
	query     string
	operation string
	variables map[string]any
	message   string
	field     string
}

func badDocuments() []badDocument {
	const login = `mutation($input: LoginInput!) { login(input: $input) { token } }`
	input := func(members map[string]any) map[string]any { return map[string]any{"input": members} }
	return []badDocument{
		{name: "empty", query: ``, message: "has no such operation"},
		{name: "breaks off", query: `{`, message: "the document has a syntax error"},
		{name: "string where a name belongs", query: `{ "` + secret + `" }`, message: "the document has a syntax error"},
		{name: "loose string", query: `"` + secret + `" "` + secret + `"`, message: "the document has a syntax error"},
		{name: "unterminated", query: `mutation { login(input: {password: "` + secret + `) { token } }`, message: "the document has a syntax error"},
		{name: "escape", query: `mutation { login(input: {password: "\q` + secret + `"}) { token } }`, message: "the document has a syntax error"},
		{name: "unicode escape", query: `mutation { login(input: {password: "\u` + secret + `"}) { token } }`, message: "the document has a syntax error"},
		{name: "number", query: `{ me(a: 1.` + secret + `) { id } }`, message: "the document has a syntax error"},
		{name: "unknown field", query: `{ nobody }`, message: `Cannot query field "nobody" on type "Query"`},
		{name: "no such operation", query: `query a { __typename }`, operation: secret, message: "has no such operation"},
		{name: "which operation", query: `query a { __typename } query b { __typename }`, message: "has no such operation"},
		{name: "subscription", query: `subscription { x }`, message: `Cannot query field "x" on type "Subscription"`},
		{name: "literal of a wrong type", query: `{ isBlacklisted(token: ["` + secret + `"]) }`, message: `Expected a value of type "String!".`},
		{name: "enum for a string", query: `mutation { login(input: {email: "", password: ` + secret + `}) { token } }`, message: `Expected a value of type "String!".`},
		{name: "string for an enum", query: `mutation { logout(scope: "` + secret + `") }`, message: `Expected a value of type "LogoutScope!".`},
		{name: "wrong enum value", query: `mutation { logout(scope: ` + secret + `) }`, message: `Expected a value of type "LogoutScope!".`},
		{name: "null literal", query: `{ isBlacklisted(token: null) }`, message: `Expected a value of type "String!".`},
		{name: "missing argument", query: `{ isBlacklisted }`, message: `argument "token" of type "String!" is required`},
		{name: "missing member", query: `mutation { login(input: {password: "` + secret + `"}) { token } }`, message: `Expected a value of type "LoginInput!".`},
		{name: "variable for input is text", query: login, variables: map[string]any{"input": secret}, message: "$input must be of type LoginInput!", field: "input"},
		{name: "unknown input field", query: login, variables: input(map[string]any{"email": "", "password": "", "more": secret}), message: "$input has a field that its type does not have", field: "input"},
		{name: "strange input field", query: login, variables: input(map[string]any{"email": "", "password": "", secret + "!": 1}), message: "$input has a field that its type does not have", field: "input"},
		{name: "null for required", query: login, variables: input(map[string]any{"email": nil, "password": secret}), message: "$input.email must be of type String!", field: "email"},
		{name: "missing in variable", query: login, variables: input(map[string]any{"password": secret}), message: "$input.email must be of type String!", field: "email"},
		{name: "number for a string", query: login, variables: input(map[string]any{"email": "", "password": 12345678}), message: "$input.password must be of type String!", field: "password"},
		{name: "undefined variable", query: login, message: "$input must be of type LoginInput!", field: "input"},
		{name: "enum variable", query: `mutation($s: LogoutScope!) { logout(scope: $s) }`, variables: map[string]any{"s": secret}, message: "$s must be of type LogoutScope!", field: "s"},
	}
}

func TestHandler_BadDocument(t *testing.T) {
	for _, bad := range badDocuments() {
		for accept, status := range map[string]int{acceptJSON: 200, acceptGraphQL: 400} {
			t.Run(bad.name+" "+accept, func(t *testing.T) {
				f := newFixture(t, &fakeRoot{})
				body, _ := json.Marshal(map[string]any{"query": bad.query, "operationName": bad.operation, "variables": bad.variables})
				w := f.post(accept, string(body))
				checkRefused(t, f, w, status, bad.message)
				if got := decode(t, w).Errors[0].Extensions.Field; got != bad.field && bad.field != "" {
					t.Errorf("field = %q, want %q", got, bad.field)
				}
			})
		}
	}
}

// An enum value in another case passes gqlparser and fails in gqlgen, whose
// message repeats it.
func TestHandler_EnumInAnotherCase(t *testing.T) {
	f := newFixture(t, &fakeRoot{})
	w := f.query(`mutation($s: LogoutScope!) { logout(scope: $s) }`, map[string]any{"s": "all"})
	answer := decode(t, w)
	if len(answer.Errors) != 1 || answer.Errors[0].Extensions.Code != "BAD_USER_INPUT" || f.root.mutated != 0 ||
		strings.Contains(w.Body.String(), "all") {
		t.Errorf("answer = %s", w.Body)
	}
}

func TestHandler_ManyErrors(t *testing.T) {
	f := newFixture(t, &fakeRoot{})
	w := f.query(`{`+strings.Repeat(" a b", 10)+`}`, nil)
	if got := len(decode(t, w).Errors); got != maxErrors {
		t.Errorf("%d errors are reported, want %d", got, maxErrors)
	}
}
