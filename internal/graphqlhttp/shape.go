package graphqlhttp

import "github.com/vektah/gqlparser/v2/ast"

const (
	// listFactor is the assumed number of items in a list.
	listFactor = 10
	// rowFactor is how many values cost as much as reading a row.
	rowFactor = 10
	// saturated keeps the sums of exponential documents from overflowing.
	saturated = 1 << 30
)

// shape is the size of a document. Of several operations the biggest counts,
// although only one is executed. What is counted as written is counted in the
// whole document.
type shape struct {
	depth         int
	rootFields    int
	cost          int
	values        int // that an operation may return
	aliases       int
	written       int // fields, as written in the document
	schemaFields  int // __schema, as written
	typeFields    int // __type, as written
	introspection int // values that these fields return
	deferred      bool
	once          int // root fields, as written, of which one is allowed
}

// size is the size of a selection set with its fragments expanded.
type size struct{ depth, fields, cost, values int }

// plus returns the size of a and b in one selection set.
func (a size) plus(b size) size {
	return size{
		depth:  max(a.depth, b.depth),
		fields: min(a.fields+b.fields, saturated),
		cost:   min(a.cost+b.cost, saturated),
		values: min(a.values+b.values, saturated),
	}
}

// measurer walks each selection set once. It remembers the size of a fragment,
// so that fragments that double each other are cheap to measure.
type measurer struct {
	schema    schemaFacts
	fragments map[string]*ast.FragmentDefinition
	sizes     map[string]size
	meta      introspectionWalk
	shape     shape
}

// measure returns the shape of a document that was parsed but not validated. It
// counts values of introspection up to a bit more than mostIntrospection.
func measure(document *ast.QueryDocument, schema schemaFacts, mostIntrospection int) shape {
	m := &measurer{
		schema:    schema,
		fragments: map[string]*ast.FragmentDefinition{},
		sizes:     map[string]size{},
	}
	m.meta = introspectionWalk{meta: schema.meta, fragments: m.fragments, most: mostIntrospection}
	for _, fragment := range document.Fragments {
		m.fragments[fragment.Name] = fragment
	}
	for _, fragment := range document.Fragments { // used or not: all are validated
		m.add(m.fragment(fragment.Name))
	}
	for _, operation := range document.Operations {
		s := m.selections(operation.SelectionSet, operation.Operation == ast.Mutation)
		m.add(s)
		m.shape.rootFields = max(m.shape.rootFields, s.fields)
	}
	m.shape.introspection = m.meta.values
	return m.shape
}

func (m *measurer) add(s size) {
	m.shape.depth = max(m.shape.depth, s.depth)
	m.shape.cost = max(m.shape.cost, s.cost)
	m.shape.values = max(m.shape.values, s.values)
}

// selections measures a selection set. root is set if it is, or may be, one of
// the mutation type itself.
func (m *measurer) selections(set ast.SelectionSet, root bool) size {
	var total size
	for _, selection := range set {
		switch s := selection.(type) {
		case *ast.Field:
			total = total.plus(m.field(s, root))
		case *ast.InlineFragment:
			m.directives(s.Directives)
			total = total.plus(m.selections(s.SelectionSet, root))
		case *ast.FragmentSpread:
			m.directives(s.Directives)
			total = total.plus(m.fragment(s.Name))
		}
	}
	return total
}

func (m *measurer) field(f *ast.Field, root bool) size {
	m.shape.written++
	if root && m.schema.once[f.Name] {
		m.shape.once++
	}
	if f.Alias != f.Name {
		m.shape.aliases++
	}
	switch f.Name {
	case schemaField:
		m.shape.schemaFields++
		m.meta.root(f)
	case typeField:
		m.shape.typeFields++
		m.meta.root(f)
	}
	inner := m.selections(f.SelectionSet, false)
	if m.schema.lists[f.Name] {
		inner.cost = min(inner.cost*listFactor, saturated)
	}
	if rows, counted := m.schema.rows[f.Name]; counted {
		inner.values = min((inner.values+rowFactor)*rows.of(f), saturated)
	}
	return size{depth: inner.depth + 1, fields: 1, cost: min(inner.cost+1, saturated), values: min(inner.values+1, saturated)}
}

// fragment returns the size of a fragment. It is empty for a fragment that does
// not exist, or that contains itself; validation refuses both.
func (m *measurer) fragment(name string) size {
	if known, seen := m.sizes[name]; seen {
		return known
	}
	definition := m.fragments[name]
	if definition == nil {
		return size{}
	}
	m.sizes[name] = size{}
	// On an object type that is not the mutation type, the fragment cannot be at
	// the root of a mutation.
	m.sizes[name] = m.selections(definition.SelectionSet, !m.schema.objects[definition.TypeCondition])
	return m.sizes[name]
}

func (m *measurer) directives(list ast.DirectiveList) {
	if list.ForName("defer") != nil {
		m.shape.deferred = true
	}
}
