//go:build !race

package cputime

// raceFactor is the slowdown by the race detector.
const raceFactor = 1
