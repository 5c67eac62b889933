// Package explorer is the page at /: GraphiQL, with a panel that shows what
// rotation does to a session.
//
// It owns the page and its files, which ui/ is the source of, and the names
// that they are served under. It knows no use case: the page talks to /graphql
// as any client does, and the program works without it.
package explorer
