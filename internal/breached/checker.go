// Package breached finds leaked passwords: by an API that gets only the first
// digits of a hash, and in a file.
package breached

import (
	"cmp"
	"context"
	"crypto/sha1" //nolint:gosec // the lists are of SHA-1 hashes; nothing depends on its strength
	"encoding/hex"
	"errors"
	"log/slog"
	"maps"
	"net/netip"
	"strings"
	"sync"
	"time"

	"rekey/internal/egress"
)

const (
	checkTimeout = time.Second // for all forms of a password together
	warnEvery    = time.Minute
	hashDigits   = 2 * sha1.Size
)

// Options hold what Open needs. At least one of URL and Path is set.
type Options struct {
	// URL is the address of a range API, with the slash at its end: the first five
	// digits of a hash follow it.
	URL string
	// Path is the path of a file for OpenFile.
	Path string
	// Allow lists networks that URL may be in although they are not public.
	Allow []netip.Prefix
	// Timeout limits the checks of one password. 0: a second.
	Timeout time.Duration
	Now     func() time.Time
	Logger  *slog.Logger
}

// Source names a list.
type Source string

// The sources.
const (
	SourceFile  Source = "file"
	SourceRange Source = "range"
)

// Outcome is the outcome of a check in one list.
type Outcome string

// The outcomes.
const (
	Hit    Outcome = "hit"
	Miss   Outcome = "miss"
	Failed Outcome = "failed" // the password passed unchecked
)

// Result is the key of Counts.
type Result struct {
	Source  Source
	Outcome Outcome
}

// list is one list of leaked passwords.
type list interface {
	// contains reports whether the list has a SHA-1 hash, in upper case
	// hexadecimal. Its error contains no part of the hash.
	contains(ctx context.Context, hash string) (bool, error)
}

// Checker checks passwords against the lists. It is an auth.BreachedPasswords.
type Checker struct {
	lists   map[Source]list
	now     func() time.Time
	log     *slog.Logger
	timeout time.Duration

	mu       sync.Mutex
	counts   map[Result]int
	warnedAt time.Time
	unwarned int // failures since then
}

// Open returns a Checker. Its error says what is wrong with the file.
func Open(o Options) (*Checker, error) {
	c := &Checker{lists: map[Source]list{}, now: o.Now, log: o.Logger, timeout: cmp.Or(o.Timeout, checkTimeout), counts: map[Result]int{}}
	if o.Path != "" {
		f, err := OpenFile(o.Path)
		if err != nil {
			return nil, err
		}
		c.lists[SourceFile] = f
	}
	if o.URL != "" {
		c.lists[SourceRange] = &ranges{url: o.URL, client: egress.NewClient(egress.Options{Allow: o.Allow})}
	}
	return c, nil
}

// Close closes the file.
func (c *Checker) Close() error {
	if f, ok := c.lists[SourceFile].(*File); ok {
		return f.Close()
	}
	return nil
}

// Contains reports whether a list has one of the forms of a password. It asks the
// API only if the file has none of them. A list that fails counts as one that does
// not have the password.
func (c *Checker) Contains(ctx context.Context, forms ...string) bool {
	bounded, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	for _, source := range []Source{SourceFile, SourceRange} {
		l, ok := c.lists[source]
		if !ok {
			continue
		}
		found, err := containsAny(bounded, l, forms)
		switch {
		case found:
			c.count(source, Hit)
			return true
		case err == nil:
			c.count(source, Miss)
		case ctx.Err() != nil:
			return false // the request ended, so no password is set
		default:
			c.count(source, Failed)
			c.warn(ctx, source, err)
		}
	}
	return false
}

func containsAny(ctx context.Context, l list, forms []string) (bool, error) {
	var errs []error
	for _, form := range forms {
		found, err := l.contains(ctx, hashOf(form))
		if found {
			return true, nil
		}
		errs = append(errs, err)
	}
	return false, errors.Join(errs...)
}

func hashOf(password string) string {
	sum := sha1.Sum([]byte(password)) //nolint:gosec // see the import
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}

// Counts returns how many checks had each outcome, also those that none had. c may
// be nil.
func (c *Checker) Counts() map[Result]int {
	counts := map[Result]int{}
	for _, source := range []Source{SourceFile, SourceRange} {
		for _, outcome := range []Outcome{Hit, Miss, Failed} {
			counts[Result{source, outcome}] = 0
		}
	}
	if c != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		maps.Copy(counts, c.counts)
	}
	return counts
}

func (c *Checker) count(s Source, o Outcome) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts[Result{s, o}]++
}

// warn logs a failure, at most one in warnEvery, with the number of those that were
// not logged.
func (c *Checker) warn(ctx context.Context, s Source, err error) {
	c.mu.Lock()
	now := c.now()
	if !c.warnedAt.IsZero() && now.Sub(c.warnedAt) < warnEvery {
		c.unwarned++
		c.mu.Unlock()
		return
	}
	unlogged := c.unwarned
	c.warnedAt, c.unwarned = now, 0
	c.mu.Unlock()
	c.log.WarnContext(ctx, "checking for leaked passwords failed; passwords are accepted unchecked",
		"source", string(s), "setting", settingOf(s), "failures_not_logged", unlogged, "error", err)
}

func settingOf(s Source) string {
	if s == SourceFile {
		return "BREACHED_PASSWORDS_FILE"
	}
	return "BREACHED_PASSWORDS"
}

// entry splits a line of a list: digits, and the number of times that a password
// was leaked, if the line has one. A number of 0 is padding. The error contains
// nothing of the line.
func entry(line string) (digits string, padding bool, err error) {
	digits, number, counted := strings.Cut(strings.TrimRight(line, "\r\n"), ":")
	if len(digits) > hashDigits || digits == "" || strings.Trim(digits, "0123456789abcdefABCDEF") != "" {
		return "", false, errNotAnEntry
	}
	if counted && (number == "" || len(number) > maxNumber || strings.Trim(number, "0123456789") != "") {
		return "", false, errNotAnEntry
	}
	return strings.ToUpper(digits), counted && strings.Trim(number, "0") == "", nil
}

// maxNumber is the number of digits of a count.
const maxNumber = 19

var errNotAnEntry = errors.New("a line is not hexadecimal digits of a SHA-1 hash, or these, a colon and a number")
