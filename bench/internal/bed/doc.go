// Package bed is what the bench measures on: the real binary, and under it a
// Postgres with its own durability and a Redis, all of them thrown away.
package bed
