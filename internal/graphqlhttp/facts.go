package graphqlhttp

import (
	"strconv"

	"github.com/vektah/gqlparser/v2/ast"
)

const (
	// onceDirective marks, in the schema, the mutations of which a document may
	// hold one.
	onceDirective = "once"
	// rowsDirective marks the fields that are answered with rows of the database.
	rowsDirective = "rows"
)

// schemaFacts are what measuring a document needs to know of the schema.
type schemaFacts struct {
	lists   map[string]bool // names of fields that are a list in some type
	once    map[string]bool // names of mutations marked @once
	rows    map[string]rows // by the name of the field
	objects map[string]bool // names of the object types but the mutation type
}

func factsOf(schema *ast.Schema) schemaFacts {
	facts := schemaFacts{lists: map[string]bool{}, once: map[string]bool{}, rows: map[string]rows{}, objects: map[string]bool{}}
	for name, definition := range schema.Types {
		facts.objects[name] = definition.Kind == ast.Object && definition != schema.Mutation
		for _, field := range definition.Fields {
			if field.Type.Elem != nil {
				facts.lists[field.Name] = true
			}
			if mark := field.Directives.ForName(rowsDirective); mark != nil {
				facts.rows[field.Name] = rowsOf(mark)
			}
		}
	}
	if schema.Mutation == nil {
		return facts
	}
	for _, field := range schema.Mutation.Fields {
		if field.Directives.ForName(onceDirective) != nil {
			facts.once[field.Name] = true
		}
	}
	return facts
}

// mayBeMutation reports whether a fragment on this type can stand at the root
// of a mutation: on no other object type can it.
func (f schemaFacts) mayBeMutation(condition string) bool {
	return !f.objects[condition]
}

// rows is how many rows of the database a field is answered with.
type rows struct {
	most, usually int
	by            []string // the arguments that say how many
}

func rowsOf(mark *ast.Directive) rows {
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
	return r
}

// intOf is 0 for what is no number: the schema's own test sees to that.
func intOf(argument *ast.Argument) int {
	if argument == nil {
		return 0
	}
	n, _ := strconv.Atoi(argument.Value.Raw)
	return n
}

// of is how many rows a field as it is written may be answered with; 0 for one
// that is answered with none.
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
