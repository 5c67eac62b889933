// Package report writes what was measured: as Markdown, as a plot, and as JSON
// to go on from.
package report
