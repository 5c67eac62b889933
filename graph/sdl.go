// Package graph holds the schema, one file per topic, and the code that gqlgen
// generates from it.
package graph

import _ "embed"

//go:generate go run rekey/graph/merge

// SDL is the whole schema in one document, for tools that read no extensions.
//
//go:embed schema.graphql
var SDL string
