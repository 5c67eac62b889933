package graphqlhttp

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
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
		{name: "literal of a wrong type", query: `{ isBlacklisted(token: ["` + secret + `"]) }`, message: `argument "token" of field "isBlacklisted": expected String!, found a list`, field: "token"},
		{name: "enum for a string", query: `mutation { login(input: {email: "", password: ` + secret + `}) { token } }`, message: `argument "input.password" of field "login": expected String!, found an enum value`, field: "password"},
		{name: "string for an enum", query: `mutation { logout(scope: "` + secret + `") }`, message: `argument "scope" of field "logout": expected LogoutScope! (one of THIS, OTHERS, ALL), found a string`, field: "scope"},
		{name: "wrong enum value", query: `mutation { logout(scope: ` + secret + `) }`, message: `argument "scope" of field "logout": expected LogoutScope! (one of THIS, OTHERS, ALL), found an enum value that is not one of them`, field: "scope"},
		{name: "null literal", query: `{ isBlacklisted(token: null) }`, message: `argument "token" of field "isBlacklisted": expected String!, found null`, field: "token"},
		{name: "missing argument", query: `{ isBlacklisted }`, message: `argument "token" of type "String!" is required`},
		{name: "missing member", query: `mutation { login(input: {password: "` + secret + `"}) { token } }`, message: `argument "input.email" of field "login": expected String!, but it is missing`, field: "email"},
		{name: "variable for input is text", query: login, variables: map[string]any{"input": secret}, message: "variable $input: expected LoginInput!, found a string", field: "input"},
		{name: "unknown input field", query: login, variables: input(map[string]any{"email": "", "password": "", "more": secret}), message: "variable $input.more: LoginInput has no such field", field: "more"},
		{name: "strange input field", query: login, variables: input(map[string]any{"email": "", "password": "", secret + "!": 1}), message: "variable $input: LoginInput does not have all fields that were sent", field: "input"},
		{name: "null for required", query: login, variables: input(map[string]any{"email": nil, "password": secret}), message: "variable $input.email: expected String!, found null", field: "email"},
		{name: "missing in variable", query: login, variables: input(map[string]any{"password": secret}), message: "variable $input.email: expected String!, but it is missing", field: "email"},
		{name: "number for a string", query: login, variables: input(map[string]any{"email": "", "password": 12345678}), message: "variable $input.password: expected String!, found an integer", field: "password"},
		{name: "undefined variable", query: login, message: "variable $input: expected LoginInput!, but it is missing", field: "input"},
		{name: "enum variable", query: `mutation($s: LogoutScope!) { logout(scope: $s) }`, variables: map[string]any{"s": secret}, message: "variable $s: expected LogoutScope! (one of THIS, OTHERS, ALL), found a string that is not one of them", field: "s"},
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

// gqlparser accepts these in variables, and gqlgen does not.
func TestHandler_Lenient(t *testing.T) {
	const events = `query($n: Int, $a: String) { securityEvents(first: $n, after: $a) { edges { cursor } } }`
	for name, c := range map[string]struct {
		document  string
		variables map[string]any
		message   string
	}{
		"enum in another case": {`mutation($s: LogoutScope!) { logout(scope: $s) }`, map[string]any{"s": "all"}, "found a string that is not one of them"},
		"text for an integer":  {events, map[string]any{"n": "1"}, "variable $n: expected Int, found a string"},
		"a fraction":           {events, map[string]any{"n": 1.5}, "variable $n: expected Int, found a number"},
		"more than 32 bits":    {events, map[string]any{"n": 1 << 31}, "variable $n: expected Int, found an integer of more than 32 bits"},
		"a big literal":        {`{ securityEvents(first: 2147483648) { edges { cursor } } }`, nil, `argument "first" of field "securityEvents": expected Int, found an integer of more than 32 bits`},
		"default":              {`query($n: Int = "` + secret + `") { securityEvents(first: $n) { edges { cursor } } }`, nil, "the default of variable $n: expected Int, found a string"},
		"directive":            {`{ me @skip(if: "` + secret + `") { id } }`, nil, `argument "if" of directive "@skip": expected Boolean!, found a string`},
		"misspelt":             {`mutation { login(input: {email: "", pasword: "` + secret + `", password: ""}) { token } }`, nil, `argument "input.pasword" of field "login": LoginInput has no such field, did you mean "password"?`},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, &fakeRoot{})
			checkRefused(t, f, f.query(c.document, c.variables), http.StatusBadRequest, c.message)
		})
	}
}

// TestHandler_AllFields: a form can mark every field that is wrong, whether the
// input is written in the document or a variable.
func TestHandler_AllFields(t *testing.T) {
	for name, send := range map[string]func(f *fixture) *httptest.ResponseRecorder{
		"literal": func(f *fixture) *httptest.ResponseRecorder {
			return f.query(`mutation { signUp(input: {name: 1, password: true}) { token } }`, nil)
		},
		"variable": func(f *fixture) *httptest.ResponseRecorder {
			return f.query(`mutation($input: SignUpInput!) { signUp(input: $input) { token } }`, map[string]any{"input": map[string]any{"name": 1, "password": true}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, &fakeRoot{})
			w := send(f)
			if w.Code != http.StatusBadRequest {
				t.Fatalf("status %d: %s", w.Code, w.Body)
			}
			errs := decode(t, w).Errors
			if len(errs) != 1 || errs[0].Extensions.Field != "name" {
				t.Fatalf("errors: %s", w.Body)
			}
			var got []string
			for _, field := range errs[0].Extensions.Fields {
				_, what, _ := strings.Cut(field.Message, ": ")
				got = append(got, field.Field+" "+what)
			}
			want := []string{"name expected String!, found an integer", "email expected String!, but it is missing", "password expected String!, found a boolean"}
			if !slices.Equal(got, want) {
				t.Errorf("fields = %q, want %q", got, want)
			}
		})
	}
}

// TestHandler_HiddenFields: the number of missing fields is not shown if the
// schema is hidden.
func TestHandler_HiddenFields(t *testing.T) {
	f := newFixture(t, &fakeRoot{}, func(o *Options) { o.HideSchema = true })
	for _, w := range []*httptest.ResponseRecorder{
		f.query(`mutation { signUp(input: {}) { token } }`, nil),
		f.query(`mutation($input: SignUpInput!) { signUp(input: $input) { token } }`, map[string]any{"input": map[string]any{}}),
	} {
		errs := decode(t, w).Errors
		if len(errs) != 1 || len(errs[0].Extensions.Fields) > 1 || len(errs[0].Locations) > 1 || strings.Contains(w.Body.String(), "email") {
			t.Errorf("answer = %s", w.Body)
		}
	}
}

func TestHandler_ManyErrors(t *testing.T) {
	f := newFixture(t, &fakeRoot{})
	w := f.query(`{`+strings.Repeat(" a b", 10)+`}`, nil)
	if got := len(decode(t, w).Errors); got != maxErrors {
		t.Errorf("%d errors are reported, want %d", got, maxErrors)
	}
}
