// Package bed starts what the bench measures on: the real binary, a durable
// Postgres and a Redis. Everything is removed afterwards.
package bed
