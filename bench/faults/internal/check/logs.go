package check

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// maxLine bounds a log line that is read whole.
const maxLine = 4 << 20

// Leaks looks for secrets in a log: anything that looks like a token of ours,
// one of the exact 64-digit secrets, or one of the parts.
func Leaks(name string, log io.Reader, exact map[string]struct{}, parts []string) ([]Finding, error) {
	token, digits := regexp.MustCompile(`eyJ[\w-]{16,}`), regexp.MustCompile(`[0-9a-f]{64}`)
	var findings []Finding
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, maxLine)
	for n := 1; lines.Scan(); n++ {
		line, what := lines.Text(), ""
		if token.MatchString(line) {
			what = "a token"
		}
		for _, found := range digits.FindAllString(line, -1) {
			if _, ok := exact[found]; ok {
				what = "a session's secret"
			}
		}
		for _, part := range parts {
			if strings.Contains(line, part) {
				what = "a password or an idempotency key"
			}
		}
		if what != "" {
			findings = append(findings, Finding{Rule: Leak, Session: -1, Text: fmt.Sprintf("%s, line %d: %s", name, n, what)})
		}
	}
	if err := lines.Err(); err != nil {
		return findings, fmt.Errorf("reading the log of %s: %w", name, err)
	}
	return findings, nil
}
