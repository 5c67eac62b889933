package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/argon2"
)

// The parameters of argon2id, from OWASP's Password Storage Cheat Sheet. Each
// hash contains its own: after they are raised, old hashes stay valid until the
// next login replaces them.
const (
	argonMemory  = 19 * 1024 // KiB
	argonTime    = 2
	argonThreads = 1
	argonSalt    = 16 // bytes
	argonKey     = 32 // bytes
)

const hashFormat = "$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s"

// Passwords hashes passwords with argon2id (RFC 9106), a limited number at the
// same time: each needs 19 MiB and a core, and refreshes must not wait for them.
type Passwords struct {
	observer Observer
	slots    chan struct{}
	waiting  atomic.Int64
	maxQueue int64
}

// NewPasswords returns a hasher that hashes up to concurrent passwords at the
// same time and queues up to queue more. Calls beyond that return
// CodeRateLimited. o may be nil.
func NewPasswords(concurrent, queue int, o Observer) *Passwords {
	return &Passwords{slots: make(chan struct{}, max(1, concurrent)), maxQueue: int64(queue), observer: o}
}

// Hash returns the PHC string of a password under a fresh salt.
func (p *Passwords) Hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, argonSalt)
	_, _ = rand.Read(salt) // never returns an error: it ends the process instead
	sum, err := p.work(ctx, password, argonParams{argonMemory, argonTime, argonThreads, salt, argonKey})
	if err != nil {
		return "", err
	}
	return fmt.Sprintf(hashFormat, argon2.Version, argonMemory, argonTime, argonThreads, b64(salt), b64(sum)), nil
}

// Verify reports whether a password is the hashed one. If it is, and the hash
// has other parameters than the current ones, rehash is the hash to replace it.
func (p *Passwords) Verify(ctx context.Context, hash, password string) (ok bool, rehash string, err error) {
	params, want, err := parseHash(hash)
	if err != nil {
		return false, "", fmt.Errorf("reading a password hash: %w", err)
	}
	sum, err := p.work(ctx, password, params)
	if err != nil || subtle.ConstantTimeCompare(sum, want) != 1 {
		return false, "", err
	}
	if params.memory == argonMemory && params.time == argonTime && params.threads == argonThreads {
		return true, "", nil
	}
	rehash, err = p.Hash(ctx, password)
	return err == nil, rehash, err
}

type argonParams struct {
	memory, time uint32
	threads      uint8
	salt         []byte
	keyLen       uint32
}

// checkRoom returns CodeRateLimited while the queue is full.
func (p *Passwords) checkRoom() error {
	if p.waiting.Load() >= p.maxQueue+int64(cap(p.slots)) {
		return RateLimited(time.Second)
	}
	return nil
}

func (p *Passwords) work(ctx context.Context, password string, a argonParams) (sum []byte, err error) {
	if p.waiting.Add(1) > p.maxQueue+int64(cap(p.slots)) {
		p.waiting.Add(-1)
		return nil, RateLimited(time.Second)
	}
	defer p.waiting.Add(-1)
	if err := p.await(ctx); err != nil {
		return nil, err
	}
	defer func() { <-p.slots }()
	_, end := observe(ctx, p.observer, StepHash, Client{})
	defer end(&err)
	return argon2.IDKey([]byte(password), a.salt, a.time, a.memory, a.threads, a.keyLen), nil
}

// await waits for a slot.
func (p *Passwords) await(ctx context.Context) (err error) {
	ctx, end := observe(ctx, p.observer, StepHashQueue, Client{})
	defer end(&err)
	select {
	case p.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return Unavailable(fmt.Errorf("waiting to hash a password: %w", ctx.Err()))
	}
}

// Load returns how many passwords are being hashed, and how many wait.
func (p *Passwords) Load() (working, waiting int) {
	working = len(p.slots)
	return working, max(0, int(p.waiting.Load())-working)
}

var errHashFormat = errors.New("not an argon2id PHC string")

func parseHash(hash string) (argonParams, []byte, error) {
	var a argonParams
	var version int
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || parts[1] != "argon2id" {
		return a, nil, errHashFormat
	}
	if _, err := fmt.Sscanf(parts[2], "v=%d", &version); err != nil || version != argon2.Version {
		return a, nil, errHashFormat
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &a.memory, &a.time, &a.threads); err != nil || a.time == 0 || a.threads == 0 {
		return a, nil, errHashFormat
	}
	salt, saltErr := base64.RawStdEncoding.DecodeString(parts[4])
	sum, sumErr := base64.RawStdEncoding.DecodeString(parts[5])
	if err := errors.Join(saltErr, sumErr); err != nil || len(sum) == 0 {
		return a, nil, errHashFormat
	}
	a.salt, a.keyLen = salt, uint32(len(sum))
	return a, sum, nil
}

func b64(b []byte) string { return base64.RawStdEncoding.EncodeToString(b) }
