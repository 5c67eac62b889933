// Package app builds a process from its settings and runs it: it wires the
// packages together, serves, drains, and runs commands. It is the only package
// that imports all others. Its tests drive the wired program in one process.
package app
