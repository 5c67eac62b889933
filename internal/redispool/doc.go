// Package redispool is the one pool of connections to Redis that all rooms
// share: a single server, one found by sentinels, or a cluster. It owns the
// URL, the time limits, and the breaker that keeps a slow Redis off the path
// of requests.
//
// It does not know what is kept in Redis, and decides nothing: a command that
// it refuses fails, and each room has its own answer to that.
package redispool
