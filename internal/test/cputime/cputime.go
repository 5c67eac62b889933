// Package cputime measures CPU time for tests that limit it. Time that a busy
// machine gives to other processes does not count, and the speed of the
// processor is measured in the same run.
package cputime

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"syscall"
	"time"
)

// Request limits the CPU time of one request, in signatures (see [Signatures]):
// 100 ms on a processor that creates a signature in 40 µs, and ten times as much
// with the race detector.
const Request = 2500 * raceFactor

// Unauthenticated limits the CPU time of one request without credentials, in
// signatures: 15 ms on such a processor. Passwords that it hashes are not
// included.
const Unauthenticated = 375 * raceFactor

// Used returns the CPU time that this process has used so far.
func Used() time.Duration {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage) // fails only for an invalid argument
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// Least returns the minimum CPU time of a number of calls of do. Other work of
// the process and of the machine only adds to a measurement.
func Least(turns int, do func()) time.Duration {
	least := time.Duration(1<<63 - 1)
	for range turns {
		before := Used()
		do()
		least = min(least, Used()-before)
	}
	return least
}

// Signature returns the minimum CPU time of an ES256 signature on this
// processor.
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

// Signatures returns took as a number of signatures, each of which takes one.
// Limits in this unit hold on any machine.
func Signatures(took, one time.Duration) float64 { return float64(took) / float64(one) }
