package config

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// maxShownBytes is how much of a wrong value an error repeats.
const maxShownBytes = 100

// problems collects everything that is wrong with the settings, so that an
// operator can correct all of it at once.
type problems struct {
	list   []error
	failed map[string]bool // by the setting's name
}

// reject records that a value is wrong: the setting's, or one item of it.
type reject func(value, format string, args ...any)

// of returns the reject of one setting.
func (p *problems) of(s setting) reject {
	return func(value, format string, args ...any) {
		p.failed[s.name] = true
		p.list = append(p.list, problem(s, value, fmt.Sprintf(format, args...)))
	}
}

// problem words one problem. It repeats the value only if that cannot be a
// secret. A URL with a password and a pasted key can be one, in any variable.
func problem(s setting, value, text string) error {
	if s.secret || value == "" || strings.ContainsAny(value, "@?=\n") || strings.Contains(value, "-----") {
		return fmt.Errorf("%s: %s", s.name, text)
	}
	if len(value) > maxShownBytes {
		value = value[:maxShownBytes] + "..."
	}
	return fmt.Errorf("%s: %q: %s", s.name, value, text)
}

// require records a problem of a setting with another one, unless one of the
// two is invalid by itself.
func (p *problems) require(holds bool, name, value, text, other string) {
	if !holds && !p.failed[name] && !p.failed[other] {
		p.list = append(p.list, problem(setting{name: name}, value, text))
	}
}

// crossCheck finds settings that are each valid but contradict each other.
func crossCheck(c Config, p *problems) {
	notLonger := func(name string, d time.Duration, other string, most time.Duration) {
		p.require(d <= most, name, d.String(), fmt.Sprintf("must not be longer than %s (%s)", other, most), other)
	}
	notLonger("ACCESS_TTL", c.AccessTTL, "REFRESH_TTL", c.RefreshTTL)
	notLonger("REFRESH_TTL", c.RefreshTTL, "SESSION_TTL", c.SessionTTL)
	// A pair can be repeated only while the key that derived it is kept, which
	// is RETRY_TTL. A grace may exceed REUSE_WINDOW: it is checked first.
	notLonger("REFRESH_GRACE", c.RefreshGrace, "RETRY_TTL", c.RetryTTL)
	notLonger("REFRESH_GRACE_REST", c.RefreshGraceREST, "RETRY_TTL", c.RetryTTL)
	// With any origin, every page could use the cookie of its visitor.
	p.require(!c.CookieMode || !slices.Contains(c.CORSOrigins, anyOrigin), "CORS_ORIGINS", anyOrigin,
		"must name the origins that are trusted with the cookie when COOKIE_MODE is on; unset, only this service's own origin is", "COOKIE_MODE")
	p.require(len(c.Audience) == 0 || c.Issuer != "", "AUDIENCE", "", "has no effect without ISSUER: set that too, or unset this", "ISSUER")
	p.require(len(c.AdminHosts) == 0 || c.AdminAddress != "", "ADMIN_HOSTS", "", "has no effect without ADMIN_ADDR: set that too, or unset this", "ADMIN_ADDR")
	p.require(c.AccessTokenType == "JWT" || c.Issuer != "", "ACCESS_TOKEN_TYP", c.AccessTokenType, "needs ISSUER, because RFC 9068 requires iss and aud", "ISSUER")
	p.require(c.KeyRotation == 0 || c.KeyRotation >= c.JWKSMaxAge, "KEY_ROTATION", c.KeyRotation.String(),
		"must not be shorter than JWKS_MAX_AGE ("+c.JWKSMaxAge.String()+")", "JWKS_MAX_AGE")
	p.require(c.KeyRotation == 0 || c.KeyRotation < c.JWKSMaxAge || c.KeyRotation >= c.KeyLead, "KEY_ROTATION", c.KeyRotation.String(),
		"must not be shorter than KEY_LEAD ("+c.KeyLead.String()+")", "KEY_LEAD")
	p.require(c.MasterKey == "" || c.MasterKeyFile == "", "MASTER_KEY_FILE", c.MasterKeyFile,
		"must not be set together with MASTER_KEY; a previous key belongs in MASTER_KEY_PREVIOUS", "MASTER_KEY")

	checkMail(c, p)
	requireEgress(c, p, "BREACHED_PASSWORDS", c.BreachedPasswords)

	access, refresh := c.AccessPrivatePEMFile, c.RefreshPrivatePEMFile
	const accessName, refreshName = "ACCESS_PRIVATE_PEM_FILE", "REFRESH_PRIVATE_PEM_FILE"
	p.require(access == "" || refresh != "", refreshName, "", "must be set when "+accessName+" is", accessName)
	p.require(refresh == "" || access != "", accessName, "", "must be set when "+refreshName+" is", refreshName)
	p.require(access == "" || access != refresh, refreshName, refresh,
		"must be another file than "+accessName+": only the key distinguishes access tokens from refresh tokens", accessName)
}
