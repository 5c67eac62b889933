//go:build race

package cputime

// raceFactor is the slowdown by the race detector relative to signatures, which
// are mostly assembly and not slowed.
const raceFactor = 10
