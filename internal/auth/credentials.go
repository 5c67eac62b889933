package auth

import (
	_ "embed"
	"fmt"
	"net/mail"
	"sort"
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
// section 3.1.1.2), so that a password typed on another keyboard verifies. field
// names the input in errors.
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

// newPassword is normalizePassword for a new password. It refuses common
// passwords, the name and the e-mail address (OWASP ASVS 6.2.4, 6.2.11).
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

// foldEmail returns the form in which addresses, and parts of them, are compared.
func foldEmail(s string) string { return cases.Fold().String(norm.NFKC.String(s)) }

func isEmailAddress(s string) bool {
	parsed, err := mail.ParseAddress(s)
	return err == nil && parsed.Address == s && len(s) <= maxEmail && strings.Count(s, "@") == 1 &&
		!strings.ContainsFunc(s, invisible)
}

// invisible reports whether a character can make two different addresses look
// the same.
func invisible(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) }

func personName(raw string) (string, error) {
	name := strings.TrimSpace(raw)
	if name == "" || !plainText(name, maxNameRunes) {
		return "", BadInput("name", fmt.Sprintf("name must have 1 to %d characters, "+plainTextRule, maxNameRunes))
	}
	return name, nil
}

// plainTextRule describes, for messages, the characters that plainText accepts.
const plainTextRule = "none of them a control character, one that sets the direction of text, or a zero-width space"

// plainText reports whether s is valid UTF-8 with at most limit code points, and
// no character that hides or reorders the text next to it.
func plainText(s string, limit int) bool {
	return utf8.ValidString(s) && utf8.RuneCountInString(s) <= limit && !strings.ContainsFunc(s, deceives)
}

// deceives reports whether a character hides or reorders text. It accepts the
// joiners U+200C and U+200D, which Persian and Indic names and emoji need.
func deceives(r rune) bool {
	const space, wordJoiner, byteOrderMark = '\u200b', '\u2060', '\ufeff' // all without width
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) ||
		r == space || r == wordJoiner || r == byteOrderMark
}

// commonPasswords has the 18,000 most common passwords with at least eight
// characters (OWASP ASVS 6.2.4, NIST SP 800-63B section 3.1.1.2), in lower case,
// one a line, sorted by their bytes. They come from passwords.json of
// @zxcvbn-ts/language-common 3.0.4 (npm, MIT: see the LICENSE next to it).
//
//go:embed wordlist/passwords.txt
var commonPasswords string

// isCommonPassword reports whether a password is in the list, in any case. It
// searches the embedded text, so that the list needs no memory of its own.
func isCommonPassword(password string) bool {
	password = strings.ToLower(password)
	at := sort.Search(len(commonPasswords), func(i int) bool { return commonPasswordFrom(i) >= password })
	return at < len(commonPasswords) && commonPasswordFrom(at) == password
}

// commonPasswordFrom returns the first line that begins at i or later.
func commonPasswordFrom(i int) string {
	if i > 0 {
		i += strings.IndexByte(commonPasswords[i-1:], '\n')
	}
	if i >= len(commonPasswords) {
		return "\xff" // after all
	}
	end := strings.IndexByte(commonPasswords[i:], '\n')
	return commonPasswords[i : i+end]
}
