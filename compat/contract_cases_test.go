package compat

import (
	"net/http"
	"strings"
	"time"

	"rekey/internal/auth"
)

// contractCase is one row of the contract's table, or one spelling of it.
type contractCase struct {
	name    string
	prepare func(*login)        // what happens to the session before
	token   func(*login) string // the token presented; the login's refresh token by default
	header  http.Header         // replaces Authorization when it has one
	paths   []string            // /auth/refresh and an unknown path by default
	method  string              // GET by default
	body    string
	status  int
	message string
	begins  bool // message is how the answer's begins
}

const (
	unknownPath  = "/auth/refresh111"
	invalid      = "invalid or expired jwt, internal="
	badSignature = invalid + "crypto/ecdsa: verification error"
)

func guarded() []string { return []string{refreshPath, unknownPath} }

func (c contractCase) authorization(l *login) http.Header {
	h := c.header.Clone()
	if h == nil {
		h = http.Header{}
	}
	if _, own := h["Authorization"]; own {
		return h
	}
	token := l.refresh
	if c.token != nil {
		token = c.token(l)
	}
	h.Set("Authorization", "Bearer "+token)
	return h
}

// refusedCases are the rows in which nothing may be rotated.
func refusedCases() []contractCase {
	var all []contractCase
	for _, group := range [][]contractCase{
		blacklistedCases(), unknownSessionCases(), notFoundCases(), missingCases(),
		signatureCases(), formCases(), algorithmCases(), timeCases(), badKeyCases(),
	} {
		all = append(all, group...)
	}
	return all
}

func blacklistedCases() []contractCase {
	const message = blacklistedMessage
	return []contractCase{
		{name: "rotated away", status: 500, message: message, prepare: func(l *login) { l.rotate() }},
		{name: "rotated away twice", status: 500, message: message, paths: []string{unknownPath},
			prepare: func(l *login) { l.rotate(); l.rotate() }},
		{name: "another auth.token", status: 500, message: message, token: func(l *login) string {
			return l.sign(func(c *tokenClaims) { c.User.Auth = tokenAuth{ID: l.session.ID, Token: strings.Repeat("0f", 32)} })
		}},
		{name: "another auth.token, newer than the session's", status: 500, message: message, token: func(l *login) string {
			return l.sign(func(c *tokenClaims) {
				c.User.Auth = tokenAuth{ID: l.session.ID, Token: strings.Repeat("0f", 32)}
				c.IssuedAt = l.session.IssuedAt.Unix() + 1
			})
		}},
		{name: "no auth.token", status: 500, message: message, paths: []string{unknownPath}, token: func(l *login) string {
			return l.sign(func(c *tokenClaims) { c.User.Auth = tokenAuth{ID: l.session.ID} })
		}},
		{name: "session revoked", status: 500, message: message, prepare: func(l *login) { l.revoke() }},
		{name: "session expired", status: 500, message: message, prepare: func(l *login) { l.expire() }, token: func(l *login) string {
			return l.sign(func(c *tokenClaims) { c.ExpiresAt = l.now().Add(time.Hour).Unix() })
		}},
		{name: "session idle for too long", status: 500, message: message, prepare: func(l *login) { l.idle() }, token: func(l *login) string {
			return l.sign(func(c *tokenClaims) { c.ExpiresAt = l.now().Add(time.Hour).Unix() })
		}},
		{name: "user disabled", status: 500, message: message, prepare: func(l *login) { l.disable() }},
	}
}

func unknownSessionCases() []contractCase {
	const message = "auth token not found"
	with := func(a any) func(*login) string {
		return func(l *login) string {
			return l.sign(func(c *tokenClaims) { c.User.Auth = a })
		}
	}
	return []contractCase{
		{name: "auth.id unknown", status: 500, message: message,
			token: with(tokenAuth{ID: "00000000-0000-4000-8000-000000000000", Token: strings.Repeat("0f", 32)})},
		{name: "auth.id no UUID", status: 500, message: message, token: with(tokenAuth{ID: "' OR 1=1 --", Token: "x"})},
		{name: "auth.id of another user", status: 500, message: message, token: func(l *login) string {
			other := l.stack.login(l.t)
			return l.sign(func(c *tokenClaims) { c.User.Auth = tokenAuth{ID: other.session.ID, Token: other.secret} })
		}},
		{name: "another user's id", status: 500, message: message, token: func(l *login) string {
			other := l.stack.login(l.t)
			return l.sign(func(c *tokenClaims) { c.User.ID = other.user.ID })
		}},
		{name: "no auth.id", status: 500, message: message, token: with(tokenAuth{Token: strings.Repeat("0f", 32)})},
		{name: "auth empty", status: 500, message: message, token: with(map[string]string{})},
		{name: "no auth", status: 500, message: message, token: with(nil)},
	}
}

func notFoundCases() []contractCase {
	cases := []contractCase{{name: "unknown paths", status: 404, message: "Not Found", paths: []string{
		unknownPath, "/auth/refresh/", "/auth/refresh/x", "/auth/Refresh", "/auth/REFRESH", "/auth/", "/auth/login",
		"/auth//refresh", "/auth/./refresh", "/auth/x/../refresh", "/auth/%72efresh", "/auth/refresh%2f", "/auth/refresh%00",
		"/auth/refresh;x=1", "/auth/refresh%3Fx=1",
	}}}
	for _, m := range []string{"HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "REFRESH", "get"} {
		cases = append(cases, contractCase{name: m, method: m, status: 404, message: "Not Found"})
	}
	return cases
}

func missingCases() []contractCase {
	const message = "missing or malformed jwt"
	token := strings.Repeat("x", 20) + ".y.z"
	headers := map[string]http.Header{
		"no Authorization":         {"Authorization": nil},
		"an empty one":             {"Authorization": {""}},
		"another scheme":           {"Authorization": {"Basic cmFjaGVsOnNlY3JldA=="}},
		"no scheme":                {"Authorization": {token}},
		"Bearer alone":             {"Authorization": {"Bearer"}},
		"Bearer and a space":       {"Authorization": {"Bearer "}},
		"Bearer and no space":      {"Authorization": {"Bearer" + token}},
		"two":                      {"Authorization": {"Bearer " + token, "Bearer " + token}},
		"token in a cookie":        {"Authorization": nil, "Cookie": {"token=" + token + "; refresh_token=" + token}},
		"token in another header":  {"Authorization": nil, "X-Authorization": {"Bearer " + token}},
		"scheme with other spaces": {"Authorization": {"Bearer\t" + token}},
	}
	var cases []contractCase
	for name, h := range headers {
		cases = append(cases, contractCase{name: "missing: " + name, header: h, status: 400, message: message})
	}
	return append(cases, contractCase{
		name: "missing: token in the query", header: http.Header{"Authorization": nil}, status: 400, message: message,
		paths: []string{refreshPath + "?token=" + token, refreshPath + "?access_token=" + token, unknownPath + "?jwt=" + token},
	})
}

func signatureCases() []contractCase {
	alter := func(name string, f func(*login) string) contractCase {
		return contractCase{name: "signature: " + name, token: f, status: 401, message: badSignature}
	}
	return []contractCase{
		{name: "access token", token: func(l *login) string { return l.access }, status: 401, message: badSignature},
		alter("altered", func(l *login) string { return withSegment(l.refresh, 2, flipped(segments(l.refresh)[2])) }),
		alter("cut", func(l *login) string { return l.refresh[:len(l.refresh)-4] }),
		alter("empty", func(l *login) string { return withSegment(l.refresh, 2, "") }),
		alter("all zero", func(l *login) string { return withSegment(l.refresh, 2, b64(strings.Repeat("\x00", 64))) }),
		alter("longer", func(l *login) string { return l.refresh + "AAAA" }),
		alter("another key", func(l *login) string {
			return signToken(l.t, newKey(l.t), headerES256, string(claimsOf(l.t, l.refresh)))
		}),
		alter("claims altered", func(l *login) string {
			c := strings.Replace(string(claimsOf(l.t, l.refresh)), `"name":"`, `"name":"X`, 1)
			return withSegment(l.refresh, 1, b64(c))
		}),
		alter("another token's", func(l *login) string {
			return withSegment(l.refresh, 2, segments(l.stack.login(l.t).refresh)[2])
		}),
	}
}

// flipped changes the first character, so that no trailing bits are meant.
func flipped(segment string) string {
	if segment[0] == 'A' {
		return "B" + segment[1:]
	}
	return "A" + segment[1:]
}

func formCases() []contractCase {
	raw := func(token string) func(*login) string { return func(*login) string { return token } }
	signed := func(header, claims string) func(*login) string {
		return func(l *login) string { return l.signRaw(header, claims) }
	}
	const segmentsMessage = invalid + "token contains an invalid number of segments"
	const base64Message = invalid + "illegal base64 data at input byte "
	const jsonMessage = invalid + "invalid character '}' looking for beginning of value"
	return []contractCase{
		{name: "one segment", token: raw("abc"), status: 401, message: segmentsMessage},
		{name: "two segments", token: func(l *login) string { return strings.Join(segments(l.refresh)[:2], ".") }, status: 401, message: segmentsMessage},
		{name: "four segments", token: func(l *login) string { return l.refresh + ".AAAA" }, status: 401, message: segmentsMessage},
		{name: "dots", token: raw(strings.Repeat(".", 500)), status: 401, message: segmentsMessage},
		{name: "header no base64url", token: func(l *login) string { return withSegment(l.refresh, 0, "!") }, status: 401, message: base64Message + "0"},
		{name: "claims no base64url", token: func(l *login) string { return withSegment(l.refresh, 1, "AAAAA*AA") }, status: 401, message: base64Message + "5"},
		{name: "signature no base64url", token: func(l *login) string { return withSegment(l.refresh, 2, "AAA+") }, status: 401, message: base64Message + "3"},
		{name: "header no JSON", token: signed(`{"alg":}`, `{}`), status: 401, message: jsonMessage},
		{name: "claims no JSON", token: signed(headerES256, `{"user":}`), status: 401, message: jsonMessage},
		{name: "claims a string", token: signed(headerES256, `"x"`), status: 401, message: invalid, begins: true},
		{name: "claims a list", token: signed(headerES256, `[]`), status: 401, message: invalid, begins: true},
		{name: "claims of a wrong type", token: signed(headerES256, `{"user":5}`), status: 401, message: invalid, begins: true},
		{name: "exp a text", token: func(l *login) string {
			return l.sign(func(c *tokenClaims) { c.ExpiresAt = "tomorrow" })
		}, status: 401, message: invalid, begins: true},
		{name: "too long", token: raw(strings.Repeat("A", auth.MaxTokenBytes+1)), status: 401, message: invalid, begins: true},
	}
}

func algorithmCases() []contractCase {
	var cases []contractCase
	for _, alg := range []string{"none", "None", "HS256", "HS384", "RS256", "PS256", "ES384", "ES512", "EdDSA", "es256"} {
		cases = append(cases, contractCase{
			name: "alg " + alg, status: 401, message: invalid + "unexpected jwt signing method=" + alg,
			token: func(l *login) string {
				return l.signRaw(`{"alg":"`+alg+`","typ":"JWT"}`, string(claimsOf(l.t, l.refresh)))
			},
		})
	}
	return append(cases, contractCase{
		name: "alg none and no signature", status: 401, message: invalid + "unexpected jwt signing method=none",
		token: func(l *login) string {
			return withSegment(l.signRaw(`{"alg":"none"}`, string(claimsOf(l.t, l.refresh))), 2, "")
		},
	})
}

func timeCases() []contractCase {
	signed := func(alter func(*tokenClaims, int64)) func(*login) string {
		return func(l *login) string {
			return l.sign(func(c *tokenClaims) { alter(c, l.now().Unix()) })
		}
	}
	return []contractCase{
		{name: "expired by a minute", status: 401, message: invalid + "token is expired by 1m0s",
			token: signed(func(c *tokenClaims, now int64) { c.ExpiresAt = now - 60 })},
		{name: "expired by a second", status: 401, message: invalid + "token is expired by 1s",
			token: signed(func(c *tokenClaims, now int64) { c.ExpiresAt = now - 1 })},
		{name: "expired by days", status: 401, message: invalid + "token is expired by 49h0m1s",
			token: signed(func(c *tokenClaims, now int64) { c.ExpiresAt = now - 49*3600 - 1 })},
		{name: "not valid yet", status: 401, message: invalid + "token is not valid yet",
			token: signed(func(c *tokenClaims, now int64) { c.NotBefore = now + 60 })},
		{name: "issued in the future", status: 401, message: invalid + "Token used before issued",
			token: signed(func(c *tokenClaims, now int64) { c.IssuedAt = now + 60 })},
		{name: "without exp", status: 401, message: invalid, begins: true,
			token: signed(func(c *tokenClaims, _ int64) { c.ExpiresAt = nil })},
	}
}

func badKeyCases() []contractCase {
	const header = "Idempotency-Key"
	bad := func(name string, keys ...string) contractCase {
		return contractCase{name: "idempotency key " + name, header: http.Header{header: keys}, paths: []string{refreshPath},
			status: 400, message: "", begins: true}
	}
	return []contractCase{
		bad("too short", strings.Repeat("k", 15)),
		bad("too long", strings.Repeat("k", 129)),
		bad("with a space", "0123456789 abcdef"),
		bad("not ASCII", "0123456789abcdéf"),
		bad("empty", ""),
		bad("twice", "0123456789abcdef", "0123456789abcdef"),
	}
}
