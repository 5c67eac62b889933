// Package report writes the measurements as Markdown, as a plot, and as JSON
// that a later run can read.
package report
