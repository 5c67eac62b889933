//go:build !race

package cputime

// raceFactor is how much slower the race detector may make things.
const raceFactor = 1
