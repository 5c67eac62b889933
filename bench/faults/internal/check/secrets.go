package check

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// maxLine limits the length of a line that is read as a whole.
const maxLine = 4 << 20

// Secrets holds what clients sent or received in confidence. None of it may
// appear in clear text anywhere else.
type Secrets struct {
	// Exact are the secrets of sessions (64 hexadecimal digits), the signatures of
	// tokens, and the tokens of mailed links.
	Exact map[string]struct{}
	// Parts holds the password and the prefix of all idempotency keys.
	Parts []string
}

var (
	// tokenShape matches a segment of a JWT with its dot, or the first
	// characters of the two segments of our tokens. A key id alone can look like
	// the other segments.
	tokenShape = regexp.MustCompile(`eyJ[\w-]{16,}\.|eyJhbGciOi|eyJ1c2VyIjp7`)
	digits     = regexp.MustCompile(`[0-9a-f]{64,}`)
	signature  = regexp.MustCompile(`[\w-]{86,}`)
	link       = regexp.MustCompile(`[\w-]{43,}`)
)

// Suspect reports whether a text contains one of the parts, or looks like a
// token, its signature or the secret of a session.
func Suspect(text string, parts []string) bool {
	return Secrets{Parts: parts}.In(text) != "" || digits.MatchString(text) || signature.MatchString(text)
}

// Lengths of the strings in Exact.
const (
	secretLen    = 64
	signatureLen = 86 // base64url of 64 bytes
	linkLen      = 43 // base64url of 32 bytes
)

// In returns the kind of secret that a text contains, or "" if it contains none.
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
	case s.holds(link.FindAllString(text, -1), linkLen):
		return "the token of a link"
	}
	return ""
}

// holds reports whether one of the runs contains one of the exact secrets, at
// any offset.
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

// Search looks for secrets in a text, line by line. It returns the findings and
// the number of lines.
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
