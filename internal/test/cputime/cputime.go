// Package cputime measures what something takes of the processor, for tests
// that bound it: time that a busy machine gave to others does not count, and how
// fast its processor is is measured along.
package cputime

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"syscall"
	"time"
)

// Request is what one request may take at most, in signatures (see
// [Signatures]): 100 ms of a processor that makes one in 40 µs, and ten times as
// much under the race detector.
const Request = 2500 * raceFactor

// Used is what this process has used of all processors so far.
func Used() time.Duration {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage) // fails for a bad argument only
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// Least is the least that this process used in so many turns of do: whatever
// else it has to do, and the machine, only adds.
func Least(turns int, do func()) time.Duration {
	least := time.Duration(1<<63 - 1)
	for range turns {
		before := Used()
		do()
		least = min(least, Used()-before)
	}
	return least
}

// Signature is what an ES256 signature takes of this processor now, at least.
func Signature() (time.Duration, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return 0, err
	}
	const turns, each = 10, 200
	var digest [32]byte
	took := Least(turns, func() {
		for range each {
			if _, signErr := ecdsa.SignASN1(rand.Reader, key, digest[:]); signErr != nil {
				err = signErr
			}
		}
	})
	return took / each, err
}

// Signatures says how many signatures could have been made in a time, when one
// takes so long: the unit of bounds that hold on any machine.
func Signatures(took, one time.Duration) float64 { return float64(took) / float64(one) }
