package baseline

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"syscall"
	"time"
)

var errSignature = errors.New("a signature does not verify")

// Crypto holds the CPU time of the cryptography of one refresh: one ES256
// verification and two deterministic signatures. It is measured on one core with
// the others idle, and on all cores at once, as under load.
type Crypto struct{ Alone, Busy time.Duration }

// MeasureCrypto measures the cryptography of n refreshes on each core.
func MeasureCrypto(n int) (Crypto, error) {
	alone, err := cryptoTime(1, n)
	if err != nil {
		return Crypto{}, err
	}
	busy, err := cryptoTime(runtime.NumCPU(), n)
	return Crypto{Alone: alone, Busy: busy}, err
}

func cryptoTime(cores, n int) (time.Duration, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return 0, fmt.Errorf("making a key: %w", err)
	}
	errs := make([]error, cores)
	before := ownCPU()
	var wg sync.WaitGroup
	for core := range cores {
		wg.Go(func() { errs[core] = refreshCrypto(key, n) })
	}
	wg.Wait()
	return (ownCPU() - before) / time.Duration(cores*n), errors.Join(errs...)
}

func refreshCrypto(key *ecdsa.PrivateKey, n int) error {
	digest := sha256.Sum256([]byte("a token"))
	for range n {
		var sig []byte
		for range 2 {
			var err error
			if sig, err = key.Sign(nil, digest[:], crypto.SHA256); err != nil {
				return fmt.Errorf("signing: %w", err)
			}
		}
		if !ecdsa.VerifyASN1(&key.PublicKey, digest[:], sig) {
			return errSignature
		}
	}
	return nil
}

func ownCPU() time.Duration {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage) // fails only for an invalid argument
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
