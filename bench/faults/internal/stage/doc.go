// Package stage runs one world under load: it opens the world, starts the
// clients, strikes with faults and judges the result.
package stage
