// Package arch holds one test: every package of the house imports only what
// docs/architecture.md allows it.
package arch
