package auth

import (
	"net/mail"
	"strings"
	"unicode"

	"golang.org/x/net/idna"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// maxEmail is the longest address in bytes (RFC 5321 section 4.5.3.1.3).
const maxEmail = 254

// emailAddress returns the trimmed address, which is shown, and its key, which at
// most one account has.
func emailAddress(raw string) (email, key string, err error) {
	email = strings.TrimSpace(raw)
	invalid := BadInput("email", "e-mail address is not valid")
	if !isEmailAddress(email) {
		return "", "", invalid
	}
	local, domain, _ := strings.Cut(email, "@")
	domain, err = domainKey(domain)
	key = foldEmail(local) + "@" + domain
	// The key is checked, too: normalizing may turn a similar character into an
	// @ or a ;.
	if err != nil || !isEmailAddress(key) {
		return "", "", invalid
	}
	return email, key, nil
}

// EmailKey returns the key of an address. It returns CodeBadUserInput if no new
// account may have the address.
func EmailKey(email string) (string, error) {
	_, key, err := emailAddress(email)
	return key, err
}

// FormerEmailKey returns the key that versions before the migration of keys gave
// to an address: without the rules for domains, and with two keys for a Cherokee
// letter. It returns "" if those versions refused the address.
func FormerEmailKey(email string) string {
	email = strings.TrimSpace(email)
	key := cases.Fold().String(norm.NFKC.String(email))
	if !isMailbox(email) || !isMailbox(key) {
		return ""
	}
	return key
}

// domainKey returns the form of a domain in DNS: one for all spellings that the
// standards consider the same (UTS 46, nontransitional, as browsers and
// registries use it).
func domainKey(domain string) (string, error) {
	lower := strings.ToLower(domain)
	if !strings.ContainsFunc(domain, func(r rune) bool { return r > unicode.MaxASCII }) && !strings.Contains(lower, "xn--") {
		return lower, nil // host names that are not of the Internet may contain other characters
	}
	profile := idna.New(idna.MapForLookup(), idna.Transitional(false), idna.BidiRule(), idna.VerifyDNSLength(true))
	// Until Unicode 15.1, UTS 46 maps the two cases of this letter differently.
	return profile.ToASCII(strings.ReplaceAll(domain, "ẞ", "ß"))
}

// emailPart returns the form in which a part of an address is looked for in keys.
// It recognizes an international domain only as a whole, behind the @.
func emailPart(s string) string {
	local, domain, found := strings.Cut(s, "@")
	if !found {
		return foldEmail(s)
	}
	mapped, err := domainKey(domain)
	if err != nil {
		mapped = foldEmail(domain)
	}
	return foldEmail(local) + "@" + mapped
}

// foldEmail returns the form in which text of addresses is compared:
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
	return isMailbox(s) && !strings.ContainsFunc(s, invisible)
}

// isMailbox reports whether s is an address without a name, a comment, a quoted
// part or a character that controls text.
func isMailbox(s string) bool {
	parsed, err := mail.ParseAddress(s)
	return err == nil && parsed.Address == s && len(s) <= maxEmail && strings.Count(s, "@") == 1 &&
		!strings.ContainsFunc(s, func(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) })
}
