package graphqlhttp

import "github.com/vektah/gqlparser/v2/ast"

// onceDirective marks, in the schema, the mutations of which a document may
// hold one.
const onceDirective = "once"

// schemaFacts are what measuring a document needs to know of the schema.
type schemaFacts struct {
	lists   map[string]bool // names of fields that are a list in some type
	once    map[string]bool // names of mutations marked @once
	objects map[string]bool // names of the object types but the mutation type
}

func factsOf(schema *ast.Schema) schemaFacts {
	facts := schemaFacts{lists: map[string]bool{}, once: map[string]bool{}, objects: map[string]bool{}}
	for name, definition := range schema.Types {
		facts.objects[name] = definition.Kind == ast.Object && definition != schema.Mutation
		for _, field := range definition.Fields {
			if field.Type.Elem != nil {
				facts.lists[field.Name] = true
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
