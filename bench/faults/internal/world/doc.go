// Package world is what the bench breaks: replicas of the real binary, a
// Postgres with a standby, Redis, and a proxy on each way between them. It
// starts, ends and breaks things when it is told to, and decides nothing.
package world
