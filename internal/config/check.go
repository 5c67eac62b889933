package config

import "slices"

// crossCheck looks for settings that are each valid but do not go together.
func crossCheck(c Config, r *report) {
	r.compare(c.AccessTTL <= c.RefreshTTL, "ACCESS_TTL", c.AccessTTL.String(),
		"must not be longer than REFRESH_TTL ("+c.RefreshTTL.String()+")", "REFRESH_TTL")
	r.compare(c.RefreshTTL <= c.SessionTTL, "REFRESH_TTL", c.RefreshTTL.String(),
		"must not be longer than SESSION_TTL ("+c.SessionTTL.String()+")", "SESSION_TTL")
	// A pair can be repeated only as long as the key that derived it is kept,
	// which is RETRY_TTL. The grace may well exceed REUSE_WINDOW: it is looked
	// at first.
	r.compare(c.RefreshGrace <= c.RetryTTL, "REFRESH_GRACE", c.RefreshGrace.String(),
		"must not be longer than RETRY_TTL ("+c.RetryTTL.String()+")", "RETRY_TTL")
	// A page of any origin would act with the cookie of whoever visits it.
	r.compare(!c.CookieMode || !slices.Contains(c.CORSOrigins, anyOrigin), "CORS_ORIGINS", anyOrigin,
		"must name the origins that are trusted with the cookie when COOKIE_MODE is on; unset, none is but this service's own", "COOKIE_MODE")
	r.compare(len(c.Audience) == 0 || c.Issuer != "", "AUDIENCE", "", "means nothing without ISSUER", "ISSUER")
	r.compare(c.KeyRotation == 0 || c.KeyRotation >= c.JWKSMaxAge, "KEY_ROTATION", c.KeyRotation.String(),
		"must not be shorter than JWKS_MAX_AGE ("+c.JWKSMaxAge.String()+")", "JWKS_MAX_AGE")
	r.compare(c.MasterKey == "" || c.MasterKeyFile == "", "MASTER_KEY_FILE", c.MasterKeyFile,
		"must not be set together with MASTER_KEY; one of before goes into MASTER_KEY_PREVIOUS", "MASTER_KEY")
	checkKeyPair(c, r)
}

func checkKeyPair(c Config, r *report) {
	access, refresh := c.AccessPrivatePEMFile, c.RefreshPrivatePEMFile
	const accessName, refreshName = "ACCESS_PRIVATE_PEM_FILE", "REFRESH_PRIVATE_PEM_FILE"
	r.compare(access == "" || refresh != "", refreshName, "", "must be set when "+accessName+" is", accessName)
	r.compare(refresh == "" || access != "", accessName, "", "must be set when "+refreshName+" is", refreshName)
	r.compare(access == "" || access != refresh, refreshName, refresh,
		"must not be the file of "+accessName+": access and refresh tokens are told apart by their keys alone", accessName)
}
