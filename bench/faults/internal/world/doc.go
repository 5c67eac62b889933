// Package world contains what the bench breaks: replicas of the real binary,
// Postgres with a standby, Redis, and a proxy on each connection between them.
// It starts, stops and breaks them on request, and decides nothing.
package world
