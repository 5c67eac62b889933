package config

import (
	"net/url"
	"strings"
)

func passwords(c *Config) []setting {
	return []setting{
		{name: "BREACHED_PASSWORDS", kind: "URL", apply: rangeURL(&c.BreachedPasswords),
			about: "Range API that [new passwords](operations.md#leaked-passwords) are checked with, such as `https://api.pwnedpasswords.com/range/`. It gets the first 5 of the 40 digits of a password's SHA-1 hash. If it does not answer within a second, the password is accepted. Default: none; only the 18,000 most common passwords are refused."},
		{name: "BREACHED_PASSWORDS_FILE", kind: "file", apply: file(&c.BreachedPasswordsFile),
			about: "[File of leaked passwords](operations.md#leaked-passwords) that new ones are checked with, before `BREACHED_PASSWORDS` or without it: SHA-1 hashes in hexadecimal, sorted, one a line, as the downloader of Have I Been Pwned writes them. It is searched on disk."},
	}
}

// rangeURL takes the URL of a range API, and adds a slash at its end. Only this
// machine may omit TLS.
func rangeURL(to *string) apply {
	return func(value string, bad reject) {
		if value == "" {
			return
		}
		u, err := url.Parse(value)
		if err != nil || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || strings.Contains(value, "#") ||
			u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())) {
			bad(value, "must be a URL such as https://api.pwnedpasswords.com/range/, without user, query and fragment")
			return
		}
		*to = strings.TrimRight(value, "/") + "/"
	}
}
