// Package report writes the results of a run as docs/reliability.md.
package report
