package graphqlhttp

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"

	"rekey/graph"
)

const login = `login(input: {email: "a", password: "` + secret + `"}) { token }`

func TestGuard_Once(t *testing.T) {
	const message = "one field that signs in"
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
	limits := DefaultLimits()
	for name, c := range map[string]struct{ document, message string }{
		"tokens":       {`{` + strings.Repeat(" me", limits.Tokens-1) + `}`, "1000 tokens"},
		"comments":     {strings.Repeat("#\n", limits.Tokens) + `{me{id}}`, "1000 tokens"},
		"name":         {`{` + strings.Repeat("x", limits.NameBytes+1) + `}`, "100 bytes"},
		"depth":        {nested(limits.Depth + 1), "deeper than 15"},
		"fragments":    {fragments(limits.Depth), "deeper than 15"},
		"root fields":  {`{` + aliased("me{id}", limits.RootFields+1) + `}`, "more than 20 fields"},
		"root doubled": {`{...a ...a ...a} fragment a on Query {` + strings.Repeat("__typename ", 7) + `}`, "more than 20 fields"},
		"aliases":      {`{me{` + aliased("id", limits.Aliases+1) + `}}`, "more than 30 aliases"},
		"fields":       {`{me{` + strings.Repeat("id ", limits.Fields) + `}}`, "more than 300 fields"},
		"cost":         {doubling(40), "more than its share"},
		"lists":        {`{__schema{types{fields{type{fields{type{fields{` + strings.Repeat("name ", 8) + `}}}}}}}}`, "more than its share"},
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
		if got := measure(parsed, facts).values; got != want {
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

// introspection is what GraphiQL asks: graphql-js' getIntrospectionQuery with
// every option.
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

// With the schema hidden, a near miss does not tell the right name.
func TestHandler_Suggestions(t *testing.T) {
	for name, document := range map[string]string{ // shown for all but enum and type
		"field":       `{ mee { id } }`,
		"leaf":        `{ me }`,
		"argument":    `{ isBlacklisted(tokn: "x") }`,
		"input field": `mutation { login(input: {emial: "x", password: "x"}) { token } }`,
		"enum":        `mutation { logout(scope: AL) }`,
		"type":        `{ ... on Qery { __typename } }`,
	} {
		t.Run(name, func(t *testing.T) {
			shown := newFixture(t, &fakeRoot{}).query(document, nil).Body.String()
			hidden := newFixture(t, &fakeRoot{}, hideSchema).query(document, nil).Body.String()
			if strings.Contains(hidden, "Did you mean") {
				t.Errorf("hidden: %s", hidden)
			}
			if !strings.Contains(shown, "Did you mean") && name != "enum" && name != "type" {
				t.Errorf("shown: %s", shown)
			}
		})
	}
}
