// Package meter reads what processes and Postgres have used so far: two
// readings and their difference are what the time between them cost.
package meter
