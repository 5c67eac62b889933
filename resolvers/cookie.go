package resolvers

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"rekey/graph/model"
	"rekey/internal/auth"
)

// CookieName is the cookie that carries the refresh token in cookie mode. The
// prefix makes browsers refuse it unless it is Secure, for the whole host and
// for no other: no neighbour's page can plant one.
const CookieName = "__Host-rekey_refresh"

// DeviceCookieName is the cookie by which logins recognise a browser in cookie
// mode. It is not a credential, and outlives logouts.
const DeviceCookieName = "__Host-rekey_device"

type answerKey struct{}

// WithAnswer returns the context of an operation whose answer will have the
// given header. Where the header is on its way before the operation runs, there
// is no such context, and no cookie.
func WithAnswer(ctx context.Context, header http.Header) context.Context {
	return context.WithValue(ctx, answerKey{}, header)
}

// jar holds the cookies of one request: the values that came in them, and the
// header that takes the next ones. It is empty outside of cookie mode, and for a
// request that no browser sent: everything is then in the payload only.
type jar struct {
	token  string
	device string
	answer http.Header
}

// jar refuses a request in cookie mode whose answer can take no cookie: a new
// refresh token would be lost, or a script could read it.
func (r *Resolver) jar(ctx context.Context) (jar, error) {
	if !r.CookieMode {
		return jar{}, nil
	}
	answer, ok := ctx.Value(answerKey{}).(http.Header)
	if !ok {
		return jar{}, auth.BadInput("", "the refresh token travels in a cookie: this is served to POST alone")
	}
	header := headerOf(ctx)
	if !fromBrowser(header) {
		return jar{}, nil
	}
	return jar{token: cookieOf(header, CookieName), device: cookieOf(header, DeviceCookieName), answer: answer}, nil
}

// grant answers an operation that issues a token pair: it passes the cookies and the
// idempotency key of the request to issue, and puts the pair where it belongs.
func (r *Resolver) grant(ctx context.Context, key *string, issue func(cookies jar, key string) (auth.Grant, error)) (*model.AuthPayload, error) {
	cookies, err := r.jar(ctx)
	if err != nil {
		return nil, err
	}
	idempotencyKey, err := idempotencyKeyOf(ctx, key)
	if err != nil {
		return nil, err
	}
	grant, err := issue(cookies, idempotencyKey)
	if err != nil {
		return nil, err
	}
	return cookies.setCookie(grant), nil
}

// fromBrowser reports whether a browser may have sent the request: it has an
// Origin, fetch metadata (Sec-Fetch-*), or a cookie of ours. Browsers add the first
// two to every POST, and no script can remove them; a proxy may remove one of
// the two. A client of another kind sends none of the three.
func fromBrowser(header http.Header) bool {
	for name := range header {
		if name == "Origin" || strings.HasPrefix(name, "Sec-Fetch-") {
			return true
		}
	}
	return slices.ContainsFunc(header["Cookie"], func(value string) bool {
		return strings.Contains(value, CookieName) || strings.Contains(value, DeviceCookieName)
	})
}

// cookieOf returns a cookie's value. It returns "" if there is no cookie or more
// than one: a browser sends one, and nobody knows which of several is meant.
func cookieOf(header http.Header, name string) string {
	cookies := (&http.Request{Header: header}).CookiesNamed(name)
	if len(cookies) != 1 {
		return ""
	}
	return cookies[0].Value
}

// setCookie returns the payload of a pair. In cookie mode the refresh token and
// the device go into cookies only. The header is set at once, because the old
// token is used up even if the rest of the answer fails.
func (j jar) setCookie(grant auth.Grant) *model.AuthPayload {
	payload := payloadOf(grant)
	if j.answer == nil {
		return payload
	}
	j.set(CookieName, grant.RefreshToken, max(1, secondsUntil(grant.RefreshExpiresAt, grant.ServerTime)))
	if grant.Device != "" {
		j.set(DeviceCookieName, grant.Device, int(auth.DeviceLifetime.Seconds()))
	}
	payload.RefreshToken, payload.Device = nil, nil
	return payload
}

// deviceOr returns the argument when it is given, else the cookie's value.
func (j jar) deviceOr(argument *string) string {
	if argument != nil {
		return *argument
	}
	return j.device
}

// clear takes the cookie that came back.
func (j jar) clear() {
	if j.token != "" {
		j.set(CookieName, "", -1)
	}
}

func (j jar) set(name, value string, maxAge int) {
	cookie := http.Cookie{
		Name: name, Value: value, MaxAge: maxAge,
		Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
	j.answer.Add("Set-Cookie", cookie.String())
}

// logoutThis ends the session of the token at hand. The cookie goes with the
// session that it carries: a token given as argument may be another's.
func (r *Resolver) logoutThis(ctx context.Context, argument *string, cookies jar) (int, error) {
	ended, err := r.Auth.Logout(ctx, tokenOf(ctx, argument, cookies), clientOf(ctx))
	if err == nil && (argument == nil || *argument == cookies.token) {
		cookies.clear()
	}
	return ended, err
}
