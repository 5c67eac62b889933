// Package baseline is what rekey is compared with, in the same run: pgbench
// doing the swap alone, Go's cryptography alone, and SQLite doing the swap
// alone.
package baseline
