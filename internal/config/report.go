package config

import (
	"fmt"
	"strings"
)

// maxShownBytes is how much of a wrong value an error repeats.
const maxShownBytes = 100

// report collects problems. An operator who can see all of them mends them in
// one go.
type report struct {
	problems []error
	failed   map[string]bool
}

// reject notes that value, which is the setting's or an item of it, is wrong.
type reject func(value, format string, args ...any)

// about returns the reject of one setting.
func (r *report) about(s setting) reject {
	return func(value, format string, args ...any) {
		r.failed[s.name] = true
		r.problems = append(r.problems, problem(s, value, fmt.Sprintf(format, args...)))
	}
}

// problem words one problem. The value is shown only where it cannot be a
// secret: a URL with a password and a key pasted in place of its file's name
// are not, whichever variable they are put into.
func problem(s setting, value, text string) error {
	if s.secret || value == "" || strings.ContainsAny(value, "@\n") || strings.Contains(value, "-----") {
		return fmt.Errorf("%s: %s", s.name, text)
	}
	if len(value) > maxShownBytes {
		value = value[:maxShownBytes] + "..."
	}
	return fmt.Errorf("%s: %q: %s", s.name, value, text)
}

// compare notes a problem between settings, unless one of them has failed
// already and the comparison means nothing.
func (r *report) compare(holds bool, name, value, text string, others ...string) {
	if holds || r.failed[name] {
		return
	}
	for _, other := range others {
		if r.failed[other] {
			return
		}
	}
	r.problems = append(r.problems, problem(setting{name: name}, value, text))
}
