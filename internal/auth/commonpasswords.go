package auth

import (
	_ "embed"
	"sort"
	"strings"
)

// commonPasswords are the 18,000 passwords of eight characters or more that are
// tried first (OWASP ASVS 6.2.4, NIST SP 800-63B section 3.1.1.2): those of
// passwords.json of @zxcvbn-ts/language-common 3.0.4 (npm, MIT: the LICENSE
// beside it) that are that long, one a line, in small letters, in the order of
// their bytes.
//
//go:embed wordlist/passwords.txt
var commonPasswords string

// isCommonPassword searches the list where it lies, whatever the case of the
// letters: no memory is spent on it before somebody chooses a password.
func isCommonPassword(password string) bool {
	password = strings.ToLower(password)
	at := sort.Search(len(commonPasswords), func(i int) bool { return commonPasswordFrom(i) >= password })
	return at < len(commonPasswords) && commonPasswordFrom(at) == password
}

// commonPasswordFrom is the line that begins at i or next after it.
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
