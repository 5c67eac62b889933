package graphqlhttp

import (
	"slices"

	"github.com/vektah/gqlparser/v2/ast"
)

const (
	schemaField = "__schema"
	typeField   = "__type"

	// objectValues is how many values cost as much as a field that is an object
	// or a list, itemValues how many cost as much as an item of a list, and
	// textBytes how many bytes of text cost as much as a value.
	objectValues = 2
	itemValues   = 5
	textBytes    = 32
)

// metaSchema is the schema as introspection shows it, which is the same for all
// requests.
type metaSchema struct {
	root  *metaObject
	types map[string]*metaObject // the named ones
}

// metaObject is an object that introspection returns: the schema, a type, a
// field, an argument, an enum value or a directive.
type metaObject struct {
	text   map[string]int         // bytes of text, by name of the field
	object map[string]*metaObject // the fields that are one object
	lists  map[string][]*metaObject
}

func newMetaObject(name, description string) *metaObject {
	return &metaObject{
		text:   map[string]int{"name": len(name), "description": len(description)},
		object: map[string]*metaObject{},
		lists:  map[string][]*metaObject{},
	}
}

func (o *metaObject) add(list string, item *metaObject) {
	o.lists[list] = append(o.lists[list], item)
}

func metaOf(schema *ast.Schema) metaSchema {
	m := metaSchema{root: newMetaObject("", schema.Description), types: map[string]*metaObject{}}
	for name, definition := range schema.Types {
		m.types[name] = newMetaObject(name, definition.Description)
		m.root.add("types", m.types[name])
	}
	for _, definition := range schema.Types {
		m.define(definition, schema.GetPossibleTypes(definition))
	}
	for name, definition := range map[string]*ast.Definition{
		"queryType": schema.Query, "mutationType": schema.Mutation, "subscriptionType": schema.Subscription,
	} {
		if definition != nil {
			m.root.object[name] = m.types[definition.Name]
		}
	}
	for _, definition := range schema.Directives {
		directive := newMetaObject(definition.Name, definition.Description)
		directive.text["locations"] = len(definition.Locations) * itemValues * textBytes
		m.arguments(directive, definition.Arguments)
		m.root.add("directives", directive)
	}
	return m
}

func (m metaSchema) define(definition *ast.Definition, possible []*ast.Definition) {
	object := m.types[definition.Name]
	for _, f := range definition.Fields {
		field := newMetaObject(f.Name, f.Description)
		field.object["type"] = m.reference(f.Type)
		m.arguments(field, f.Arguments)
		if definition.Kind == ast.InputObject {
			object.add("inputFields", field)
		} else {
			object.add("fields", field)
		}
	}
	for _, v := range definition.EnumValues {
		object.add("enumValues", newMetaObject(v.Name, v.Description))
	}
	for _, name := range definition.Interfaces {
		object.add("interfaces", m.types[name])
	}
	if definition.IsAbstractType() {
		for _, p := range possible {
			object.add("possibleTypes", m.types[p.Name])
		}
	}
}

func (m metaSchema) arguments(of *metaObject, arguments ast.ArgumentDefinitionList) {
	for _, a := range arguments {
		argument := newMetaObject(a.Name, a.Description)
		argument.object["type"] = m.reference(a.Type)
		of.add("args", argument)
	}
}

// reference returns a type. Each list and each non-null type is an object
// around another one.
func (m metaSchema) reference(t *ast.Type) *metaObject {
	inner := t.Elem
	switch {
	case t.NonNull:
		nullable := *t
		nullable.NonNull = false
		inner = &nullable
	case inner == nil:
		return m.types[t.NamedType]
	}
	outer := newMetaObject("", "")
	outer.object["ofType"] = m.reference(inner)
	return outer
}

// introspectionWalk counts the values that introspection returns. It follows
// the selections through the schema, as the executor does. It stops when the
// count exceeds most, so its own cost is bounded.
//
// It counts as if arguments and directives excluded nothing, and it counts a
// field that is selected twice as two.
type introspectionWalk struct {
	meta      metaSchema
	fragments map[string]*ast.FragmentDefinition
	expanding []string // the names of fragments
	most      int
	values    int
}

// root counts what a field __schema or __type returns.
func (w *introspectionWalk) root(f *ast.Field) {
	w.values++
	name := f.Arguments.ForName("name")
	switch {
	case f.Name == schemaField:
		w.selections(f.SelectionSet, w.meta.root)
	case name == nil || name.Value.Kind != ast.StringValue: // it may be any type
		w.list(f.SelectionSet, w.meta.root.lists["types"])
	case w.meta.types[name.Value.Raw] != nil:
		w.selections(f.SelectionSet, w.meta.types[name.Value.Raw])
	}
}

func (w *introspectionWalk) list(set ast.SelectionSet, items []*metaObject) {
	for _, item := range items {
		w.values += itemValues
		w.selections(set, item)
	}
}

func (w *introspectionWalk) selections(set ast.SelectionSet, object *metaObject) {
	for _, selection := range set {
		if w.values++; w.values > w.most {
			return
		}
		switch s := selection.(type) {
		case *ast.Field:
			w.field(s, object)
		case *ast.InlineFragment:
			w.selections(s.SelectionSet, object)
		case *ast.FragmentSpread:
			if fragment := w.fragments[s.Name]; fragment != nil && !slices.Contains(w.expanding, s.Name) {
				w.expanding = append(w.expanding, s.Name)
				w.selections(fragment.SelectionSet, object)
				w.expanding = w.expanding[:len(w.expanding)-1]
			}
		}
	}
}

func (w *introspectionWalk) field(f *ast.Field, object *metaObject) {
	w.values += (len(f.Alias) + object.text[f.Name]) / textBytes
	if len(f.SelectionSet) == 0 {
		return
	}
	w.values += objectValues
	if inner := object.object[f.Name]; inner != nil {
		w.selections(f.SelectionSet, inner)
	}
	w.list(f.SelectionSet, object.lists[f.Name])
}
