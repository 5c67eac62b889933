package check

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// maxLine bounds a line that is read whole.
const maxLine = 4 << 20

// Secrets are what clients were given or gave in confidence: nobody else may
// have it in clear.
type Secrets struct {
	// Exact are the secrets of sessions (64 hexadecimal digits) and the
	// signatures of tokens.
	Exact map[string]struct{}
	// Parts are the password, and what all idempotency keys begin with.
	Parts []string
}

var (
	// tokenShape is a segment of a JWT with its dot, or how the first two of
	// ours begin: the id of a key alone may look like the rest.
	tokenShape = regexp.MustCompile(`eyJ[\w-]{16,}\.|eyJhbGciOi|eyJ1c2VyIjp7`)
	digits     = regexp.MustCompile(`[0-9a-f]{64,}`)
	signature  = regexp.MustCompile(`[\w-]{86,}`)
)

// Suspect reports whether a text has one of the parts, or the look of a token,
// its signature or a session's secret.
func Suspect(text string, parts []string) bool {
	return Secrets{Parts: parts}.In(text) != "" || digits.MatchString(text) || signature.MatchString(text)
}

// Lengths of what Exact holds.
const (
	secretLen    = 64
	signatureLen = 86 // base64url of 64 bytes
)

// In says what secret a text tells; "" for none.
func (s Secrets) In(text string) string {
	for _, part := range s.Parts {
		if strings.Contains(text, part) {
			return "a password or an idempotency key"
		}
	}
	switch {
	case tokenShape.MatchString(text):
		return "a token"
	case s.holds(digits.FindAllString(text, -1), secretLen):
		return "a session's secret"
	case s.holds(signature.FindAllString(text, -1), signatureLen):
		return "a token's signature"
	}
	return ""
}

// holds reports whether one of the runs has one of the exact secrets in it,
// wherever it begins.
func (s Secrets) holds(runs []string, length int) bool {
	for _, run := range runs {
		for from := 0; from+length <= len(run); from++ {
			if _, ok := s.Exact[run[from:from+length]]; ok {
				return true
			}
		}
	}
	return false
}

// Search looks for secrets in a text, line by line, and returns how many lines
// there were.
func (s Secrets) Search(name string, text io.Reader) (found []Finding, n int, err error) {
	lines := bufio.NewScanner(text)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		n++
		if what := s.In(lines.Text()); what != "" {
			found = append(found, Finding{Rule: Leak, Session: -1, Text: fmt.Sprintf("%s, line %d: %s", name, n, what)})
		}
	}
	if err := lines.Err(); err != nil {
		return found, n, fmt.Errorf("reading %s: %w", name, err)
	}
	return found, n, nil
}
