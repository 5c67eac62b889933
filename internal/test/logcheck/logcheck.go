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

// passwords are those that the tests use, right and wrong ones.
func passwords() []string {
	return []string{"correct horse", "wrong horse", "hunter2", "battery staple", "canary"}
}

// shapes are what secrets look like, whoever made them. A token has a dot: the
// id of a key may look like the beginning of one.
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

// Check fails the test when a line of the log tells a secret: one of the told,
// a password of the tests, or what looks like a secret. All of it is looked at:
// a panic and its stack are no lines of a logger's, but end in the same place.
func Check(t testing.TB, log string, told ...string) {
	t.Helper()
	for _, found := range Find(log, told...) {
		t.Errorf("the log tells %s", found)
	}
}

// Logger logs, of every level, for a test that does not read it. It is checked
// when the test ends.
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

// Write is io.Writer's.
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

// Find returns what Check complains of: what was found, and the line.
func Find(log string, told ...string) []string {
	words := append(passwords(), told...)
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
