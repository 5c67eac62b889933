package auth

import (
	"fmt"
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

const (
	minPassword  = 8   // code points after NFKC
	maxPassword  = 256 // code points after NFKC
	maxNameRunes = 200
	maxEmail     = 254 // bytes, RFC 5321 section 4.5.3.1.3
	maxReason    = 200 // code points
)

// normalizePassword returns the form that is hashed: NFKC (NIST SP 800-63B
// section 3.1.1.2), so that a password verifies on whatever keyboard it is
// typed. field names the input in errors.
func normalizePassword(field, password string) (string, error) {
	if !utf8.ValidString(password) || len(password) > 4*maxPassword*utf8.UTFMax {
		return "", BadInput(field, passwordRule())
	}
	password = norm.NFKC.String(password)
	if n := utf8.RuneCountInString(password); n < minPassword || n > maxPassword {
		return "", BadInput(field, passwordRule())
	}
	return password, nil
}

// newPassword is normalizePassword for one that is chosen: it may be neither
// common nor what anybody knows of its user (OWASP ASVS 6.2.4, 6.2.11).
func newPassword(field, password string, u User) (string, error) {
	password, err := normalizePassword(field, password)
	if err != nil {
		return "", err
	}
	if isCommonPassword(password) {
		return "", BadInput(field, "this is one of the passwords that are tried first: choose another")
	}
	local, _, _ := strings.Cut(u.EmailKey, "@")
	folded := cases.Fold().String(password)
	if folded == u.EmailKey || folded == local || folded == cases.Fold().String(u.Name) {
		return "", BadInput(field, "password must be neither the name nor the e-mail address")
	}
	return password, nil
}

func passwordRule() string {
	return fmt.Sprintf("password must have %d to %d characters", minPassword, maxPassword)
}

// emailAddress returns the address as it is shown and the key that makes it
// unique: trimmed and case-folded.
func emailAddress(raw string) (email, key string, err error) {
	email = strings.TrimSpace(raw)
	key = foldEmail(email)
	// The key is looked at, too: normalizing may make an @ or a ; of what was
	// a lookalike.
	if !isEmailAddress(email) || !isEmailAddress(key) {
		return "", "", BadInput("email", "e-mail address is not valid")
	}
	return email, key, nil
}

// foldEmail is the form in which addresses, and parts of them, are compared.
func foldEmail(s string) string { return cases.Fold().String(norm.NFKC.String(s)) }

func isEmailAddress(s string) bool {
	parsed, err := mail.ParseAddress(s)
	return err == nil && parsed.Address == s && len(s) <= maxEmail && strings.Count(s, "@") == 1 &&
		!strings.ContainsFunc(s, invisible)
}

// invisible characters make two addresses look alike that are not.
func invisible(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) }

func personName(raw string) (string, error) {
	name := strings.TrimSpace(raw)
	if name == "" || !plainText(name, maxNameRunes) {
		return "", BadInput("name", fmt.Sprintf("name must have 1 to %d characters, "+plainTextRule, maxNameRunes))
	}
	return name, nil
}

// plainTextRule words what plainText asks of characters.
const plainTextRule = "none of them a control character, one that sets the direction of text, or a zero-width space"

// plainText reports whether s is valid UTF-8 of at most limit code points, none
// of which hides or puts in another order what is shown beside it.
func plainText(s string, limit int) bool {
	return utf8.ValidString(s) && utf8.RuneCountInString(s) <= limit && !strings.ContainsFunc(s, deceives)
}

// deceives leaves the joiners U+200C and U+200D be: Persian and Indic names,
// and emoji, are spelled with them.
func deceives(r rune) bool {
	const space, wordJoiner, byteOrderMark = '\u200b', '\u2060', '\ufeff' // all of no width
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) ||
		r == space || r == wordJoiner || r == byteOrderMark
}
