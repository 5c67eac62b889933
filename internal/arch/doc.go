// Package arch tests what the documents say about the whole project: each
// package imports only what docs/architecture.md allows, the pages name tests
// and files that exist, links lead somewhere, and the English is plain. The
// command figures measures the size of the code base.
package arch
