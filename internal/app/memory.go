package app

import "runtime"

// spareHeap is counted as used and never touched, so that it takes no memory:
// the garbage collector runs when what is used has doubled. This service needs
// some five megabytes, and would collect fifty times a second under load.
const spareHeap = 6 << 20

// keepSpare keeps it until what it returns is called.
func keepSpare() (release func()) {
	spare := make([]byte, spareHeap)
	return func() { runtime.KeepAlive(spare) }
}
