// Package untold looks through what a process logged for what no line may
// tell: passwords, tokens, secrets, keys. Each harness of the tests has it look
// at the end of every test.
package untold

import (
	"regexp"
	"strings"
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
// a password of the tests, or what looks like a secret. What is no line of
// the log, such as a banner with an example, may say what it likes.
func Check(t testing.TB, log string, told ...string) {
	t.Helper()
	for _, found := range Find(log, told...) {
		t.Errorf("the log tells %s", found)
	}
}

// Find returns what Check complains of: what was found, and the line.
func Find(log string, told ...string) []string {
	words := append(passwords(), told...)
	shapes := shapes()
	var found []string
	for line := range strings.Lines(log) {
		if !strings.HasPrefix(line, "time=") && !strings.HasPrefix(line, "{") {
			continue
		}
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
