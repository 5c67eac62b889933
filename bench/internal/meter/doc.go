// Package meter reads what processes and Postgres have used so far. The
// difference of two readings is the cost of the time between them.
package meter
