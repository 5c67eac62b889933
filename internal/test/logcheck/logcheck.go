// Package logcheck searches the log of a process for what no line may contain:
// passwords, tokens, secrets and keys. Each test harness calls it at the end of
// every test.
package logcheck

import (
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// passwords returns the passwords that the tests use, right and wrong ones.
func passwords() []string {
	return []string{"correct horse", "wrong horse", "hunter2", "battery staple", "canary"}
}

// shapes returns patterns of secrets from any source. A token must contain a
// dot, because the id of a key can look like the beginning of a token.
func shapes() map[string]*regexp.Regexp {
	return map[string]*regexp.Regexp{
		"a token":                   regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{8,}\.`),
		"a secret or its hash":      regexp.MustCompile(`(?i)\b[0-9a-f]{64}\b`),
		"a password's hash":         regexp.MustCompile(`\$argon2`),
		"an API key":                regexp.MustCompile(`\brk_[0-9a-f]{8}_`),
		"a PEM file":                regexp.MustCompile(`-----BEGIN`),
		"a password in a URL":       regexp.MustCompile(`://[^/\s:@"]*:[^/\s@"]+@`),
		"an Authorization's header": regexp.MustCompile(`(?i)\bbearer [a-z0-9]`),
	}
}

// Check fails the test if the log contains a secret: one of the given secrets, a
// password of the tests, or something that looks like a secret. It searches the
// whole text, not only the lines of a logger, because panics and their stacks
// are written to the same place.
func Check(t testing.TB, log string, secrets ...string) {
	t.Helper()
	for _, found := range Find(log, secrets...) {
		t.Errorf("the log contains %s", found)
	}
}

// Logger returns a logger of every level for a test that does not read the log.
// The log is checked when the test ends.
func Logger(t testing.TB) *slog.Logger {
	t.Helper()
	log := &Text{}
	t.Cleanup(func() { Check(t, log.String()) })
	return slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// Text is a log that a test reads while others write to it. The zero value is
// empty.
type Text struct {
	mu  sync.Mutex
	buf strings.Builder
}

// Write appends b. It implements io.Writer.
func (x *Text) Write(b []byte) (int, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.buf.Write(b)
}

// String returns what was written.
func (x *Text) String() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.buf.String()
}

// Find returns the findings of Check, each with its line.
func Find(log string, secrets ...string) []string {
	words := append(passwords(), secrets...)
	shapes := shapes()
	var found []string
	for line := range strings.Lines(log) {
		for _, word := range words {
			if word != "" && strings.Contains(line, word) {
				found = append(found, "what was sent in confidence: "+line)
			}
		}
		for what, shape := range shapes {
			if shape.MatchString(line) {
				found = append(found, what+": "+line)
			}
		}
	}
	return found
}
