package auth

import (
	"net/mail"
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// maxEmail is the longest address in bytes (RFC 5321 section 4.5.3.1.3).
const maxEmail = 254

// emailAddress returns the trimmed address, which is shown, and its case-folded
// form, which is the unique key.
func emailAddress(raw string) (email, key string, err error) {
	email = strings.TrimSpace(raw)
	key = foldEmail(email)
	// The key is checked, too: normalizing may turn a similar character into an
	// @ or a ;.
	if !isEmailAddress(email) || !isEmailAddress(key) {
		return "", "", BadInput("email", "e-mail address is not valid")
	}
	return email, key, nil
}

// foldEmail returns the form in which addresses, and parts of them, are compared:
// NFKC_Casefold of the Unicode standard without its removal of characters, which
// addresses must not contain. Folding may undo the normalization, and the other
// way around, so that each is applied until neither changes the text.
func foldEmail(s string) string {
	for {
		folded := norm.NFKC.String(foldCase(norm.NFKD.String(s)))
		if folded == s {
			return s
		}
		s = folded
	}
}

// foldCase returns text with one form for all cases of a letter. cases.Fold
// exchanges the two cases of Cherokee letters instead of folding them.
func foldCase(s string) string {
	return cases.Fold().String(strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cherokee, r) {
			return unicode.ToUpper(r)
		}
		return r
	}, s))
}

func isEmailAddress(s string) bool {
	parsed, err := mail.ParseAddress(s)
	return err == nil && parsed.Address == s && len(s) <= maxEmail && strings.Count(s, "@") == 1 &&
		!strings.ContainsFunc(s, invisible)
}
