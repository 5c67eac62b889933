// Package config turns the environment into one validated struct, and tells
// every problem with it at once, in the operator's words.
//
// Each variable is declared once, in the tables of settings.go; the reference
// in docs/configuration.md is made from them. The package opens nothing but
// the key files that it is told of, to see that they can be read. It does not
// know what a setting is used for, what a key file must hold, or how a
// database is reached.
package config
