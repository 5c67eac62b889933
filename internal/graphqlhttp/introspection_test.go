package graphqlhttp

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	gqlgen "github.com/99designs/gqlgen/graphql/introspection"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"

	"rekey/graph"
)

// introspectionBombs are documents whose introspection costs as much as the
// limits allow, and documents that would cost more.
func introspectionBombs() map[string]string {
	bombs := map[string]string{
		"every option":        introspection,
		"__schema":            `{` + aliased(`__schema{types{name description fields{name description}}}`, 20) + `}`,
		"__schema merged":     `{` + strings.Repeat(`__schema{types{fields{args{description}}}}`, 20) + `}`,
		"__schema spread":     `{` + strings.Repeat(`...f`, 20) + `} fragment f on Query{__schema{types{fields{args{description}}}}}`,
		"__schema operations": repeat(20, ` query q%d{__schema{types{fields{args{description}}}}}`),
		"loops":               `{__schema{types{fields{type{fields{type{fields{name}}}}}}}}`,
		"possible types":      `{__schema{types{possibleTypes{interfaces{possibleTypes{interfaces{possibleTypes{name}}}}}}}}`,
		"two loops":           `{__schema{types{possibleTypes{interfaces{name}}}}}`,
		"input types":         `{__schema{types{fields{args{type{ofType{inputFields{type{ofType{inputFields{name}}}}}}}}}}}`,
		"doubling":            strings.NewReplacer("{me{", "{__schema{types{", "f0}}", "f0}}}", "User", "__Type", "{id}", "{name}").Replace(doubling(14)),
		"ofType":              `{__schema{types{fields{type{` + strings.Repeat("ofType{", 9) + "name" + strings.Repeat("}", 9) + `}}}}}`,
		"cycle":               `{__schema{types{...f}}} fragment f on __Type{ofType{...f}}`,
		"nested roots":        `{__schema{types{__schema{types{name}}}}}`,
		"any __type":          `query($n:String!){` + aliased(`__type(name:$n){fields{name description}}`, 10) + `}`,
		"unknown __type":      `{` + aliased(`__type(name:"None"){fields{name description}}`, 10) + `}`,
		"long alias":          `{__schema{types{fields{` + strings.Repeat("a", 99) + `:name}}}}`,
		"skipped":             `{__schema{types{` + strings.Repeat(" fields @skip(if:true){args{name}}", 20) + `}}}`,
	}
	for name, pattern := range map[string]struct{ before, repeated, after string }{
		"types":        {`{__schema{`, `types{__typename}`, `}}`},
		"fields":       {`{__schema{types{`, `fields{__typename}`, `}}}`},
		"fields of":    {`{__schema{types{fields{type{ofType{`, `fields{__typename}`, `}}}}}}`},
		"fields again": {`{__schema{types{fields{type{`, `fields{__typename}`, `}}}}}`},
		"arguments":    {`{__schema{types{fields{`, `args{__typename}`, `}}}}`},
		"type":         {`{__schema{types{fields{`, `type{__typename}`, `}}}}`},
		"merged":       {`{__schema{types{fields{`, ` type{name}`, `}}}}`},
		"text":         {`{__schema{types{fields{`, `description`, `}}}}`},
		"text of all":  {`{__schema{types{`, `description fields{description args{description}}`, `}}}`},
		"directives":   {`{__schema{`, `directives{locations args{name}}`, `}}`},
		"__type":       {`{`, `__type(name:"Mutation"){fields{description args{description}}}`, `}`},
	} {
		for _, n := range []int{2, 4, 6, 8, 10, 13, 16, 20, 25, 30} { // one of them is just within the limit
			bombs[fmt.Sprintf("%d %s", n, name)] = pattern.before + aliased(pattern.repeated, n) + pattern.after
		}
	}
	return bombs
}

func TestGuard_IntrospectionBombs(t *testing.T) {
	const oneSchema, values = "more than one field __schema", "introspection asks for more than 10000 values"
	bombs := introspectionBombs()
	for name, message := range map[string]string{
		"__schema":            oneSchema,
		"__schema merged":     oneSchema,
		"__schema operations": oneSchema,
		"30 __type":           "more than 20 fields at its root",
		"20 __type":           "more than 10 fields __type",
		"any __type":          values,
		"20 fields":           values,
		"30 arguments":        values,
		"30 text":             values,
		"10 text of all":      values,
		"skipped":             values,
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, &fakeRoot{})
			checkRefused(t, f, f.query(bombs[name], nil), http.StatusBadRequest, message)
		})
	}
}

// TestGuard_IntrospectionOfClients: clients may introspect the whole schema, and
// may look for the features of introspection itself.
func TestGuard_IntrospectionOfClients(t *testing.T) {
	for name, document := range map[string]string{
		"graphql-js, every option": introspection,
		"gqlgen":                   gqlgen.NewQuery(gqlgen.QueryOptions{OneOf: true}),
		"features": `{ schema: __type(name: "__Schema") { ...f } type: __type(name: "__Type") { ...f } directive: __type(name: "__Directive") { ...f }
			field: __type(name: "__Field") { ...f } input: __type(name: "__InputValue") { ...f } enum: __type(name: "__EnumValue") { ...f } __schema { queryType { name } } }
			fragment f on __Type { name fields(includeDeprecated: true) { name args { name } } }`,
		"one type of a variable": `query($n: String! = "User") { __type(name: $n) { name description fields { name description type { name kind ofType { name kind } } } } }`,
		"every name":             `{ __schema { types { name kind fields { name args { name } } inputFields { name } enumValues { name } } } }`,
		"spread twice":           `{ ...f ...f } fragment f on Query { __schema { queryType { name } } }`,
	} {
		t.Run(name, func(t *testing.T) {
			w := newFixture(t, &fakeRoot{}).query(document, nil)
			if answer := decode(t, w); w.Code != http.StatusOK || len(answer.Errors) > 0 {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
}

// TestMeasure_introspection: what is counted is at least what is returned, in
// values and in bytes.
func TestMeasure_introspection(t *testing.T) {
	facts := factsOf(graph.NewExecutableSchema(graph.Config{}).Schema())
	compared := 0
	for name, document := range introspectionBombs() {
		parsed, err := parser.ParseQuery(&ast.Source{Input: document})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		counted := measure(parsed, facts, defaultLimits().introspection).introspection
		w := newFixture(t, &fakeRoot{}).query(document, nil)
		var answer struct{ Data any }
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if answer.Data == nil {
			continue
		}
		compared++
		if returned := valuesIn(answer.Data); returned > counted || w.Body.Len() > 50*counted {
			t.Errorf("%s: %d values and %d bytes, counted %d", name, returned, w.Body.Len(), counted)
		}
	}
	if compared < 40 {
		t.Errorf("%d documents were answered", compared)
	}
}

// valuesIn counts the values of an object without the object itself.
func valuesIn(value any) int {
	n := 0
	switch v := value.(type) {
	case map[string]any:
		for _, member := range v {
			n += 1 + valuesIn(member)
		}
	case []any:
		for _, item := range v {
			n += 1 + valuesIn(item)
		}
	}
	return n
}
