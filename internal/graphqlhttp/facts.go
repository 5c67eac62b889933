package graphqlhttp

import (
	"strconv"

	"github.com/vektah/gqlparser/v2/ast"
)

const (
	// onceDirective marks, in the schema, mutations of which a document may have
	// only one.
	onceDirective = "once"
	// rowsDirective marks fields that return rows of the database.
	rowsDirective = "rows"
)

// schemaFacts holds the facts about the schema that measuring a document needs.
type schemaFacts struct {
	lists   map[string]bool // names of fields that are a list in some type
	once    map[string]bool // names of mutations marked @once
	rows    map[string]rows // by name of the field
	objects map[string]bool // names of the object types, except the mutation type
	meta    metaSchema
}

func factsOf(schema *ast.Schema) schemaFacts {
	facts := schemaFacts{lists: map[string]bool{}, once: map[string]bool{}, rows: map[string]rows{}, objects: map[string]bool{}, meta: metaOf(schema)}
	for name, definition := range schema.Types {
		facts.objects[name] = definition.Kind == ast.Object && definition != schema.Mutation
		for _, field := range definition.Fields {
			if field.Type.Elem != nil {
				facts.lists[field.Name] = true
			}
			if mark := field.Directives.ForName(rowsDirective); mark != nil {
				r := rows{most: intOf(mark.Arguments.ForName("most"))}
				r.usually = r.most
				if usually := mark.Arguments.ForName("usually"); usually != nil {
					r.usually = intOf(usually)
				}
				if by := mark.Arguments.ForName("by"); by != nil {
					for _, name := range by.Value.Children {
						r.by = append(r.by, name.Value.Raw)
					}
				}
				facts.rows[field.Name] = r
			}
			if definition == schema.Mutation && field.Directives.ForName(onceDirective) != nil {
				facts.once[field.Name] = true
			}
		}
	}
	return facts
}

// rows says how many rows of the database a field returns.
type rows struct {
	most, usually int
	by            []string // the arguments that limit the number
}

// intOf returns 0 if the argument is not a number. The schema's own test
// excludes that.
func intOf(argument *ast.Argument) int {
	if argument == nil {
		return 0
	}
	n, _ := strconv.Atoi(argument.Value.Raw)
	return n
}

// of returns how many rows a field of a document may return. An argument that
// is a variable, or not valid, may allow the most.
func (r rows) of(f *ast.Field) int {
	asked := -1
	for _, name := range r.by {
		argument := f.Arguments.ForName(name)
		if argument == nil || argument.Value.Kind == ast.NullValue {
			continue
		}
		n, err := strconv.Atoi(argument.Value.Raw)
		if argument.Value.Kind != ast.IntValue || err != nil || n < 0 {
			return r.most
		}
		asked = max(asked, n)
	}
	if asked < 0 {
		return r.usually
	}
	return min(asked, r.most)
}
