// Package config turns the environment into one validated struct, and tells
// every problem with it at once, in the operator's words.
//
// Each variable is declared once, in the tables of settings.go; the reference
// in docs/configuration.md is made from them. It reads .env or the
// file named in its place, and the files of secrets (NAME_FILE); key files it
// opens to see that they can be read, and does not read. It does not know what
// a setting is used for, what a key file must hold, or how a database is
// reached.
package config
