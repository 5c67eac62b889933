package graphqlhttp

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"

	"rekey/graph"
)

const login = `login(input: {email: "a", password: "` + secret + `"}) { token }`

func TestGuard_Once(t *testing.T) {
	const message = "only one field that signs in"
	for name, document := range map[string]string{
		"aliases":              `mutation { a: ` + login + ` b: ` + login + ` }`,
		"two kinds":            `mutation { ` + login + ` logout }`,
		"fragment and field":   `mutation { ...f b: ` + login + ` } fragment f on Mutation { ` + login + ` }`,
		"two fragments":        `mutation { ...f ...g } fragment f on Mutation { ` + login + ` } fragment g on Mutation { b: ` + login + ` }`,
		"inline fragments":     `mutation { ... { a: ` + login + ` } ... on Mutation { b: ` + login + ` } }`,
		"several operations":   `mutation m { ` + login + ` } mutation n { ` + login + ` }`,
		"in a skipped field":   `mutation { ` + login + ` b: login(input: {email: "", password: ""}) @skip(if: true) { token } }`,
		"an unused fragment":   `mutation { ` + login + ` } fragment f on Mutation { b: ` + login + ` }`,
		"the same field twice": `mutation { ` + login + ` ` + login + ` }`,
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, &fakeRoot{})
			checkRefused(t, f, f.query(document, nil), http.StatusBadRequest, message)
		})
	}
}

func TestGuard_OnceIsEnough(t *testing.T) {
	for name, document := range map[string]string{
		"alone":                   `mutation { ` + login + ` }`,
		"a payload's field":       `mutation { login(input: {email: "", password: ""}) { refreshToken } }`,
		"in a fragment":           `mutation { login(input: {email: "", password: ""}) { ...f ... { refreshToken } } } fragment f on AuthPayload { refreshToken }`,
		"one fragment, two times": `mutation { ...f ...f } fragment f on Mutation { ` + login + ` }`,
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, &fakeRoot{})
			if w := f.query(document, nil); w.Code != http.StatusOK || f.root.mutated != 1 {
				t.Errorf("%d, %d logins: %s", w.Code, f.root.mutated, w.Body)
			}
		})
	}
}

func TestGuard_Limits(t *testing.T) {
	limits := defaultLimits()
	for name, c := range map[string]struct{ document, message string }{
		"tokens":       {`{` + strings.Repeat(" me", limits.tokens-1) + `}`, "1000 tokens"},
		"comments":     {strings.Repeat("#\n", limits.tokens) + `{me{id}}`, "1000 tokens"},
		"name":         {`{` + strings.Repeat("x", limits.nameBytes+1) + `}`, "100 bytes"},
		"depth":        {nested(limits.depth + 1), "deeper than 15"},
		"fragments":    {fragments(limits.depth), "deeper than 15"},
		"root fields":  {`{` + aliased("me{id}", limits.rootFields+1) + `}`, "more than 20 fields"},
		"root doubled": {`{...a ...a ...a} fragment a on Query {` + strings.Repeat("__typename ", 7) + `}`, "more than 20 fields"},
		"aliases":      {`{me{` + aliased("id", limits.aliases+1) + `}}`, "more than 30 aliases"},
		"fields":       {`{me{` + strings.Repeat("id ", limits.fields) + `}}`, "more than 300 fields"},
		"cost":         {doubling(40), "costs more than 75000"},
		"lists":        {`{__schema{types{fields{type{fields{type{fields{` + strings.Repeat("name ", 8) + `}}}}}}}}`, "costs more than 75000"},
		"rows":         {`{` + aliased("sessions{...s}", 4) + `} fragment s on Session {` + aliased("id", 10) + `}`, "more than 15000 values"},
		"defer":        {`{me{... @defer {id}}}`, "@defer"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, &fakeRoot{})
			checkRefused(t, f, f.query(c.document, nil), http.StatusBadRequest, c.message)
		})
	}
}

// TestMeasure_values: rows are counted by what is asked for where the document
// says it, and by the most there can be where it does not.
func TestMeasure_values(t *testing.T) {
	facts := factsOf(graph.NewExecutableSchema(graph.Config{}).Schema())
	for document, want := range map[string]int{
		`{me{id}}`:       2,
		`{sessions{id}}`: 200*11 + 1,
		`{a:sessions{id} ...f} fragment f on Query{b:sessions{id}}`:   2 * (200*11 + 1),
		`{securityEvents{edges{cursor}}}`:                             20*12 + 1,
		`{securityEvents(first:7){edges{cursor}}}`:                    7*12 + 1,
		`{securityEvents(last:8){edges{cursor}}}`:                     8*12 + 1,
		`{securityEvents(first:3,last:9){edges{cursor}}}`:             9*12 + 1,
		`{securityEvents(first:null){edges{cursor}}}`:                 20*12 + 1,
		`{securityEvents(first:5000){edges{cursor}}}`:                 100*12 + 1,
		`{securityEvents(first:-1){edges{cursor}}}`:                   100*12 + 1,
		`{securityEvents(first:0){edges{cursor}}}`:                    1,
		`{securityEvents(first:"7"){edges{cursor}}}`:                  100*12 + 1,
		`{securityEvents(first:99999999999999999999){edges{cursor}}}`: 100*12 + 1,
		`query($n:Int){securityEvents(first:$n){edges{cursor}}}`:      100*12 + 1,
		`query($n:Int=1){securityEvents(first:$n){edges{cursor}}}`:    100*12 + 1,
	} {
		parsed, err := parser.ParseQuery(&ast.Source{Input: document})
		if err != nil {
			t.Fatalf("%s: %v", document, err)
		}
		if got := measure(parsed, facts, 0).values; got != want {
			t.Errorf("%s: %d values, want %d", document, got, want)
		}
	}
}

// nested is a document with fields in fields.
func nested(depth int) string {
	return strings.Repeat("{a", depth) + strings.Repeat("}", depth)
}

// fragments is a document whose depth shows only when they are expanded.
func fragments(n int) string {
	var b strings.Builder
	b.WriteString("{a{...f0}}")
	for i := range n {
		fmt.Fprintf(&b, " fragment f%d on T {a{...f%d}}", i, i+1)
	}
	fmt.Fprintf(&b, " fragment f%d on T {a}", n)
	return b.String()
}

func aliased(field string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, " a%d:%s", i, field)
	}
	return b.String()
}

// doubling is a document of n fragments that amounts to 2^n fields.
func doubling(n int) string {
	var b strings.Builder
	b.WriteString("{me{...f0}}")
	for i := range n {
		fmt.Fprintf(&b, " fragment f%d on User {...f%d ...f%d}", i, i+1, i+1)
	}
	fmt.Fprintf(&b, " fragment f%d on User {id}", n)
	return b.String()
}

// introspection is GraphiQL's query: graphql-js' getIntrospectionQuery with every
// option.
const introspection = `query IntrospectionQuery {
  __schema {
    description
    queryType { name kind } mutationType { name kind } subscriptionType { name kind }
    types { ...FullType }
    directives { name description isRepeatable locations args(includeDeprecated: true) { ...InputValue } }
  }
}
fragment FullType on __Type {
  kind name description specifiedByURL isOneOf
  fields(includeDeprecated: true) { name description args(includeDeprecated: true) { ...InputValue } type { ...TypeRef } isDeprecated deprecationReason }
  inputFields(includeDeprecated: true) { ...InputValue }
  interfaces { ...TypeRef }
  enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason }
  possibleTypes { ...TypeRef }
}
fragment InputValue on __InputValue { name description type { ...TypeRef } defaultValue isDeprecated deprecationReason }
fragment TypeRef on __Type {
  kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name
  ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } } } } } }
}`

func TestGuard_Introspection(t *testing.T) {
	t.Run("shown", func(t *testing.T) {
		w := newFixture(t, &fakeRoot{}).query(introspection, nil)
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"AuthPayload"`) || len(decode(t, w).Errors) > 0 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
	t.Run("hidden", func(t *testing.T) {
		for _, document := range []string{introspection, `{ a: __type(name: "User") { name } }`, `{ ...f } fragment f on Query { __schema { description } }`} {
			f := newFixture(t, &fakeRoot{}, hideSchema)
			checkRefused(t, f, f.query(document, nil), http.StatusBadRequest, "introspection is switched off")
		}
	})
	t.Run("typename stays", func(t *testing.T) {
		if w := newFixture(t, &fakeRoot{}, hideSchema).query(`{ __typename me { __typename } }`, nil); w.Code != http.StatusOK {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

func hideSchema(o *Options) { o.HideSchema = true }

// Suggestions are only in the errors of a schema that is not hidden.
func TestHandler_Suggestions(t *testing.T) {
	for name, document := range map[string]string{
		"field":    `{ mee { id } }`,
		"leaf":     `{ me }`,
		"argument": `{ isBlacklisted(tokn: "x") }`,
	} {
		t.Run(name, func(t *testing.T) {
			shown := newFixture(t, &fakeRoot{}).query(document, nil).Body.String()
			if !strings.Contains(shown, "Did you mean") {
				t.Errorf("shown: %s", shown)
			}
		})
	}
}

// An error of a hidden schema names the rule and the location, and nothing of
// the schema that the request does not have.
func TestHandler_HiddenSchema(t *testing.T) {
	const login = `mutation($i: LoginInput!) { login(input: $i) { token } }`
	for name, c := range map[string]struct {
		query     string
		variables map[string]any
		message   string
		field     string
		line      int
		column    int
	}{
		"field":            {query: `{ mee { id } }`, message: "the document breaks the rule FieldsOnCorrectType", line: 1, column: 3},
		"leaf":             {query: "{\n  me }", message: "the document breaks the rule ScalarLeafs", line: 2, column: 3},
		"argument":         {query: `{ isBlacklisted(tokn: "x") }`, message: "the document breaks the rule KnownArgumentNames", line: 1, column: 3},
		"missing argument": {query: `{ isBlacklisted }`, message: "the document breaks the rule ProvidedRequiredArguments", line: 1, column: 3},
		"input field": {query: `mutation { login(input: {emial: "x", password: "x"}) { token } }`,
			message: "the document breaks the rule ValuesOfCorrectType", line: 1, column: 25},
		"enum":                    {query: `mutation { logout(scope: AL) }`, message: "the document breaks the rule ValuesOfCorrectType", line: 1, column: 26},
		"type":                    {query: `{ ... on Qery { __typename } }`, message: "the document breaks the rule KnownTypeNames", line: 1, column: 7},
		"value":                   {query: `{ isBlacklisted(token: 1) }`, message: "the document breaks the rule ValuesOfCorrectType", line: 1, column: 24},
		"syntax":                  {query: `{ me `, message: "the document has a syntax error", line: 1, column: 6},
		"variable":                {query: login, message: "$i is not valid", field: "i"},
		"variable of a type":      {query: login, variables: map[string]any{"i": "x"}, message: "$i is not valid", field: "i"},
		"missing field":           {query: login, variables: map[string]any{"i": map[string]any{"password": "x"}}, message: "$i is not valid", field: "i"},
		"field of another type":   {query: login, variables: map[string]any{"i": map[string]any{"password": 1, "email": "x"}}, message: "$i.password is not valid", field: "password"},
		"field that is not known": {query: login, variables: map[string]any{"i": map[string]any{secret: 1}}, message: "$i has a field that its type does not have", field: "i"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, &fakeRoot{}, hideSchema)
			w := f.query(c.query, c.variables)
			checkRefused(t, f, w, http.StatusBadRequest, c.message)
			var located bool
			for _, e := range decode(t, w).Errors {
				if e.Message == c.message && e.Extensions.Field == c.field {
					located = located || c.line == 0 || slices.Contains(e.Locations, location{c.line, c.column})
				}
				for _, name := range []string{"Query", "User", "LoginInput", "LogoutScope", "String", "email", "token", "ALL", "Did you mean"} {
					if strings.Contains(e.Message, name) && !strings.Contains(c.query, name) {
						t.Errorf("the error names %s: %s", name, e.Message)
					}
				}
			}
			if !located {
				t.Errorf("no error with %q at %d:%d: %s", c.message, c.line, c.column, w.Body)
			}
		})
	}
}
