// Package baseline measures what rekey is compared with in the same run: the
// swap alone by pgbench, Go's cryptography alone, and the swap alone on SQLite.
package baseline
