package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

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
// The others wait in a hashQueue.
type Passwords struct {
	observer Observer
	queue    *hashQueue
}

// NewPasswords returns a hasher that hashes up to concurrent passwords at the
// same time. Up to queue more wait, and a quarter as many of known devices.
// Attempts beyond that are refused or replace others, with CodeRateLimited. o may
// be nil.
func NewPasswords(concurrent, queue int, o Observer) *Passwords {
	return &Passwords{queue: newHashQueue(concurrent, queue), observer: o}
}

// Hash returns the PHC string of a password under a fresh salt.
func (p *Passwords) Hash(ctx context.Context, a Attempt, password string) (string, error) {
	if err := p.await(ctx, a); err != nil {
		return "", err
	}
	defer p.queue.leave()
	return p.newHash(ctx, password), nil
}

// Verify reports whether a password is the hashed one. If it is, and the hash
// has other parameters than the current ones, rehash is the hash to replace it. An
// empty hash, of an account without a password, costs as much and never matches.
func (p *Passwords) Verify(ctx context.Context, a Attempt, hash, password string) (ok bool, rehash string, err error) {
	if hash == "" {
		_, err := p.Hash(ctx, a, password)
		return false, "", err
	}
	params, want, err := parseHash(hash)
	if err != nil {
		return false, "", fmt.Errorf("reading a password hash: %w", err)
	}
	if err := p.await(ctx, a); err != nil {
		return false, "", err
	}
	defer p.queue.leave()
	if subtle.ConstantTimeCompare(p.derive(ctx, password, params), want) != 1 {
		return false, "", nil
	}
	if params.memory == argonMemory && params.time == argonTime && params.threads == argonThreads {
		return true, "", nil
	}
	return true, p.newHash(ctx, password), nil
}

type argonParams struct {
	memory, time uint32
	threads      uint8
	salt         []byte
	keyLen       uint32
}

// checkQueue returns CodeRateLimited if the queue would refuse an attempt now.
func (p *Passwords) checkQueue(a Attempt) error { return p.queue.check(a) }

// await waits for a slot. If it returns nil, the caller must leave the queue.
func (p *Passwords) await(ctx context.Context, a Attempt) (err error) {
	ctx, end := observe(ctx, p.observer, StepHashQueue, Client{})
	defer end(&err)
	w, err := p.queue.enter(a)
	if w == nil {
		return err
	}
	select {
	case err := <-w.done:
		return err
	case <-ctx.Done():
		if !p.queue.cancel(w) && <-w.done == nil {
			p.queue.leave()
		}
		return Unavailable(fmt.Errorf("waiting to hash a password: %w", ctx.Err()))
	}
}

func (p *Passwords) newHash(ctx context.Context, password string) string {
	salt := make([]byte, argonSalt)
	_, _ = rand.Read(salt) // never returns an error: it ends the process instead
	sum := p.derive(ctx, password, argonParams{argonMemory, argonTime, argonThreads, salt, argonKey})
	return fmt.Sprintf(hashFormat, argon2.Version, argonMemory, argonTime, argonThreads, b64(salt), b64(sum))
}

func (p *Passwords) derive(ctx context.Context, password string, a argonParams) []byte {
	var err error
	_, end := observe(ctx, p.observer, StepHash, Client{})
	defer end(&err)
	return argon2.IDKey([]byte(password), a.salt, a.time, a.memory, a.threads, a.keyLen)
}

// Load returns how many passwords are being hashed, and how many wait.
func (p *Passwords) Load() (working, waiting int) { return p.queue.load() }

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
