// Package history keeps what clients asked and were answered, with times of one
// monotonic clock. It judges nothing, and it holds no token: who asked with
// which token is told by the session's number and the token's generation.
package history
