package graphqlhttp

import (
	"cmp"
)

// Limits bound what a request may cost before anything of it is validated or
// executed.
type Limits struct {
	BodyBytes  int64 // of a POST body, or a GET's query string
	Tokens     int   // of a document
	NameBytes  int   // of one name: rules compare names with every known one
	Depth      int   // of nested fields, fragments expanded
	RootFields int   // of an operation, fragments expanded
	Aliases    int   // in a document
	Fields     int   // in a document, as written: each pair with one name is compared
	// Cost counts the fields of an operation, fragments expanded, those in a
	// list ten times.
	Cost int
	// Values bounds what an operation is answered with: a row of the database
	// counts rowFactor, and each field of it one.
	Values int
}

// DefaultLimits let GraphiQL's introspection query pass, and any document that
// a client of this API has a use for.
func DefaultLimits() Limits {
	return Limits{
		BodyBytes:  64 << 10,
		Tokens:     1000,
		NameBytes:  100,
		Depth:      15,
		RootFields: 20,
		Aliases:    30,
		Fields:     300,
		Cost:       75_000,
		Values:     15_000,
	}
}

func (l Limits) withDefaults() Limits {
	d := DefaultLimits()
	return Limits{
		BodyBytes:  cmp.Or(l.BodyBytes, d.BodyBytes),
		Tokens:     cmp.Or(l.Tokens, d.Tokens),
		NameBytes:  cmp.Or(l.NameBytes, d.NameBytes),
		Depth:      cmp.Or(l.Depth, d.Depth),
		RootFields: cmp.Or(l.RootFields, d.RootFields),
		Aliases:    cmp.Or(l.Aliases, d.Aliases),
		Fields:     cmp.Or(l.Fields, d.Fields),
		Cost:       cmp.Or(l.Cost, d.Cost),
		Values:     cmp.Or(l.Values, d.Values),
	}
}
