//go:build race

package cputime

// raceFactor is how much slower the race detector may make things, beside
// signatures, most of which is assembly and not slowed.
const raceFactor = 10
