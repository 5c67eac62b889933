// Package report puts what a run came to into words: docs/reliability.md.
package report
