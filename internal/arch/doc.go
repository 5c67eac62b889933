// Package arch holds the tests of what the documents say of the whole: every
// package of the house imports only what docs/architecture.md allows it, and
// what docs/security.md names is there.
package arch
