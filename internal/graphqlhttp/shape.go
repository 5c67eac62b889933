package graphqlhttp

import "github.com/vektah/gqlparser/v2/ast"

const (
	// listFactor is how many items a list is taken to have.
	listFactor = 10
	// rowFactor is how many values cost as much as it does to read a row.
	rowFactor = 10
	// saturated keeps sums of exponential documents from overflowing.
	saturated = 1 << 30
)

// shape is how big a document is. Of several operations the biggest counts,
// though one is executed; what is counted as it is written is that of the
// whole document.
type shape struct {
	depth         int
	rootFields    int
	cost          int
	values        int // that it may be answered with
	aliases       int
	written       int // fields, as they stand in the document
	introspection bool
	deferred      bool
	once          int // root fields, as they are written, of which one is allowed
}

// size is what a selection set amounts to with its fragments expanded.
type size struct{ depth, fields, cost, values int }

// plus is a and b side by side.
func (a size) plus(b size) size {
	return size{
		depth:  max(a.depth, b.depth),
		fields: min(a.fields+b.fields, saturated),
		cost:   min(a.cost+b.cost, saturated),
		values: min(a.values+b.values, saturated),
	}
}

// measurer walks each selection set once: a fragment's size is kept, so that
// fragments that double each other cost nothing to measure.
type measurer struct {
	schema    schemaFacts
	fragments map[string]*ast.FragmentDefinition
	sizes     map[string]size
	shape     shape
}

// measure works on a document that was parsed and not validated.
func measure(document *ast.QueryDocument, schema schemaFacts) shape {
	m := &measurer{
		schema:    schema,
		fragments: map[string]*ast.FragmentDefinition{},
		sizes:     map[string]size{},
	}
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
	return m.shape
}

func (m *measurer) add(s size) {
	m.shape.depth = max(m.shape.depth, s.depth)
	m.shape.cost = max(m.shape.cost, s.cost)
	m.shape.values = max(m.shape.values, s.values)
}

// selections measures a selection set; root says that it is, or may be, one of
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
	if f.Name == "__schema" || f.Name == "__type" {
		m.shape.introspection = true
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

// fragment is empty for one that is not there, or that holds itself: validation
// refuses both.
func (m *measurer) fragment(name string) size {
	if known, seen := m.sizes[name]; seen {
		return known
	}
	definition := m.fragments[name]
	if definition == nil {
		return size{}
	}
	m.sizes[name] = size{}
	m.sizes[name] = m.selections(definition.SelectionSet, m.schema.mayBeMutation(definition.TypeCondition))
	return m.sizes[name]
}

func (m *measurer) directives(list ast.DirectiveList) {
	if list.ForName("defer") != nil {
		m.shape.deferred = true
	}
}
