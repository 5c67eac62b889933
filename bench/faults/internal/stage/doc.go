// Package stage runs one world under load from beginning to end: it opens it,
// has clients work, strikes with faults, and judges what came of it.
package stage
