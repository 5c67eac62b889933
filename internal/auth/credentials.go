package auth

import (
	_ "embed"
	"fmt"
	"sort"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

const (
	minPassword = 8   // code points after NFKC
	maxPassword = 256 // code points after NFKC
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
	folded := foldCase(password)
	address, err := EmailKey(password)
	if folded == u.EmailKey || err == nil && address == u.EmailKey || folded == local || folded == foldCase(u.Name) {
		return "", BadInput(field, "password must be neither the name nor the e-mail address")
	}
	return password, nil
}

func passwordRule() string {
	return fmt.Sprintf("password must have %d to %d characters", minPassword, maxPassword)
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
