package app

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"rekey/resolvers"
)

// browser is a client that keeps the cookies and nothing else.
type browser struct {
	*stack
	cookie string
	device string
}

// answered holds what a page and its browser receive.
type answered struct {
	status  int
	problem string         // reason of the first error, or its code
	set     []*http.Cookie // without the device's
	header  http.Header
	payload struct {
		Token        string
		RefreshToken *string
		Device       *string
	}
	count int // of logout
}

const (
	signUpDocument  = `mutation { x: signUp(input: {name: "Ada", email: "ada@example.com", password: "` + goodPassword + `"}) { token refreshToken } }`
	loginDocument   = `mutation { x: login(input: {email: "ada@example.com", password: "` + goodPassword + `"}) { token refreshToken } }`
	refreshDocument = `mutation { x: refreshToken { token refreshToken } }`
	logoutDocument  = `mutation { x: logout }`
)

// send posts a document with the cookie and headers (name, value, ...), and
// stores the cookie of the answer. An empty value removes a header.
func (b *browser) send(document string, header ...string) answered {
	b.t.Helper()
	body, err := json.Marshal(map[string]any{"query": document})
	if err != nil {
		b.t.Fatal(err)
	}
	req, err := http.NewRequest(http.MethodPost, b.url+"/graphql", bytes.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/graphql-response+json")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	if b.cookie != "" {
		req.AddCookie(&http.Cookie{Name: resolvers.CookieName, Value: b.cookie})
	}
	if b.device != "" {
		req.AddCookie(&http.Cookie{Name: resolvers.DeviceCookieName, Value: b.device})
	}
	for i := 0; i < len(header); i += 2 {
		if req.Header.Set(header[i], header[i+1]); header[i+1] == "" {
			req.Header.Del(header[i])
		}
	}
	return b.do(req)
}

func (b *browser) do(req *http.Request) answered {
	b.t.Helper()
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var body struct {
		Data   struct{ X json.RawMessage }
		Errors []struct {
			Extensions struct{ Code, Reason, RequestID string }
		}
	}
	if err := json.NewDecoder(res.Body).Decode(&body); err != nil {
		b.t.Fatal(err)
	}
	got := answered{status: res.StatusCode, header: res.Header}
	if len(body.Errors) > 0 {
		e := body.Errors[0].Extensions
		got.problem = e.Code
		if e.Reason != "" {
			got.problem = e.Reason
		}
	}
	_ = json.Unmarshal(body.Data.X, &got.payload) // one of the two matches
	_ = json.Unmarshal(body.Data.X, &got.count)
	for _, c := range res.Cookies() {
		if c.Name == resolvers.DeviceCookieName {
			b.device = c.Value
			continue
		}
		got.set = append(got.set, c)
		b.cookie = c.Value
	}
	return got
}

func newBrowser(t *testing.T, settings map[string]string) *browser {
	all := map[string]string{"COOKIE_MODE": "on"}
	for k, v := range settings {
		all[k] = v
	}
	return &browser{stack: newStack(t, engines()[0], all)}
}

// signedIn returns a browser that has signed up.
func signedIn(t *testing.T, settings map[string]string) *browser {
	t.Helper()
	b := newBrowser(t, settings)
	if got := b.send(signUpDocument); got.problem != "" || b.cookie == "" {
		t.Fatalf("sign-up: %+v", got)
	}
	return b
}

// checkKept requires a pair whose refresh token is only in the cookie.
func (b *browser) checkKept(got answered, maxAge time.Duration) {
	b.t.Helper()
	if got.problem != "" || got.payload.Token == "" || got.payload.RefreshToken != nil || len(got.set) != 1 {
		b.t.Fatalf("%+v", got)
	}
	set := got.header.Get("Set-Cookie")
	value, attributes, _ := strings.Cut(set, "; ")
	if want := "Path=/; Max-Age=" + seconds(maxAge) + "; HttpOnly; Secure; SameSite=Lax"; attributes != want ||
		!strings.HasPrefix(value, "__Host-rekey_refresh=ey") {
		b.t.Errorf("Set-Cookie: %s; want %s", set, want)
	}
}

func seconds(d time.Duration) string {
	text, _ := json.Marshal(int(d.Seconds()))
	return string(text)
}

// checkUnchanged requires an error that does not change the cookie.
func (b *browser) checkUnchanged(got answered, status int, problem string) {
	b.t.Helper()
	if got.status != status || got.problem != problem || len(got.set) != 0 {
		b.t.Fatalf("%d %s, %d cookies; want %d %s and none", got.status, got.problem, len(got.set), status, problem)
	}
}

func (b *browser) checkCleared(got answered, ended int) {
	b.t.Helper()
	if got.problem != "" || got.count != ended || len(got.set) != 1 || got.set[0].MaxAge >= 0 || got.set[0].Value != "" {
		b.t.Fatalf("%+v: %q", got, got.header["Set-Cookie"])
	}
}

// A child never outlives the session, and so does the cookie.
func TestCookie_pair(t *testing.T) {
	b := newBrowser(t, map[string]string{"REFRESH_TTL": "2h", "SESSION_TTL": "3h"})
	b.checkKept(b.send(signUpDocument), 2*time.Hour)
	b.advance(90 * time.Minute)
	b.checkKept(b.send(refreshDocument), 90*time.Minute)
	b.checkKept(b.send(loginDocument), 2*time.Hour)
}

// The device's cookie is set by each login, and outlives the session.
func TestCookie_device(t *testing.T) {
	b := newBrowser(t, map[string]string{"RATE_LIMITS": "on"})
	got := b.send(strings.Replace(signUpDocument, "refreshToken", "refreshToken device", 1))
	set := got.header["Set-Cookie"]
	if len(set) != 2 || !strings.HasPrefix(set[1], "__Host-rekey_device=") ||
		!strings.HasSuffix(set[1], "; Path=/; Max-Age=31536000; HttpOnly; Secure; SameSite=Lax") || got.payload.Device != nil {
		t.Fatalf("%+v: %q", got, set)
	}
	device := b.device
	b.checkKept(b.send(refreshDocument), 30*24*time.Hour)
	b.checkCleared(b.send(logoutDocument), 1)
	for b.send(strings.Replace(loginDocument, goodPassword, "wrong horse", 1), "Cookie", "").problem == "INVALID_CREDENTIALS" {
	}
	stranger := &browser{stack: b.stack}
	stranger.checkUnchanged(stranger.send(loginDocument), 429, "RATE_LIMITED")
	b.checkKept(b.send(loginDocument), 30*24*time.Hour)
	if b.device != device || b.device == "" {
		t.Errorf("the device is %q, then %q", device, b.device)
	}
}

// The cookie takes precedence over an Authorization header that is sent with the
// refresh. A token given as argument takes precedence over the cookie.
func TestCookie_order(t *testing.T) {
	b := signedIn(t, nil)
	other := &browser{stack: b.stack}
	other.send(loginDocument)
	first := other.cookie

	b.checkKept(b.send(refreshDocument, "Authorization", "Bearer "+first), 30*24*time.Hour)
	b.checkKept(b.send(refreshDocument, "Authorization", "Bearer expired.or.bad"), 30*24*time.Hour)
	b.checkKept(b.send(`mutation { x: refreshToken(refreshToken: "`+first+`") { token refreshToken } }`), 30*24*time.Hour)
	other.checkUnchanged(other.send(refreshDocument), 401, "TOKEN_BLACKLISTED") // b has it now

	none := &browser{stack: b.stack}
	none.checkUnchanged(none.send(refreshDocument), 401, "TOKEN_MISSING")
	none.checkKept(none.send(refreshDocument, "Authorization", "Bearer "+b.cookie), 30*24*time.Hour)
}

// A browser has one session: a pair that replaces its cookie revokes the session
// of the old cookie, for any owner and any age of the token. Nothing else
// revokes it.
func TestCookie_replaced(t *testing.T) {
	const other = `mutation { x: signUp(input: {name: "Bo", email: "bo@example.com", password: "` + goodPassword + `"}) { token refreshToken } }`
	for name, replace := range map[string]func(b *browser) answered{
		"login":           func(b *browser) answered { return b.send(loginDocument) },
		"sign-up":         func(b *browser) answered { return b.send(other) },
		"token of a page": func(b *browser) answered { return b.moveIn() },
		"after a refresh": func(b *browser) answered {
			old := *b
			b.send(refreshDocument)
			return old.send(loginDocument)
		},
		"after its expiry": func(b *browser) answered {
			b.advance(31 * 24 * time.Hour)
			return b.send(loginDocument)
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := signedIn(t, nil)
			bystander := &browser{stack: b.stack}
			bystander.send(loginDocument)
			b.checkKept(replace(b), 30*24*time.Hour)
			if n := b.number(`SELECT COUNT(*) FROM sessions WHERE revoked_reason = 'logout'`); n != 1 {
				t.Errorf("%d sessions ended", n)
			}
			if n := b.number(`SELECT COUNT(*) FROM sessions WHERE revoked_at IS NULL`); n != 2 {
				t.Errorf("%d sessions live on", n)
			}
			if !strings.Contains(b.log.String(), "detail=REPLACED count=1") && name != "after its expiry" { // which had ended it
				t.Error("the log does not contain the event")
			}
		})
	}
	t.Run("nothing", func(t *testing.T) {
		b := signedIn(t, nil)
		kept := *b
		wrong := &browser{stack: b.stack, cookie: b.cookie}
		if got := wrong.send(strings.Replace(loginDocument, goodPassword, "wrong password", 1)); got.problem != "INVALID_CREDENTIALS" {
			t.Fatalf("%+v", got)
		}
		b.cookie = "not." + b.cookie
		b.checkKept(b.send(loginDocument), 30*24*time.Hour)
		kept.checkKept(kept.send(`mutation { x: refreshToken(refreshToken: "`+kept.cookie+`") { token refreshToken } }`), 30*24*time.Hour)
		kept.checkKept(kept.send(refreshDocument), 30*24*time.Hour)
	})
}

// moveIn presents another session's token as argument.
func (b *browser) moveIn() answered {
	page := &browser{stack: b.stack}
	page.send(loginDocument)
	return b.send(`mutation { x: refreshToken(refreshToken: "` + page.cookie + `") { token refreshToken } }`)
}

// If a response is lost with its cookie, the same key returns the same cookie.
func TestCookie_retry(t *testing.T) {
	b := signedIn(t, nil)
	lost := *b
	key := []string{"Idempotency-Key", "0123456789abcdef"}
	lost.checkKept(lost.send(refreshDocument, key...), 30*24*time.Hour)
	b.advance(time.Hour)
	b.checkKept(b.send(refreshDocument, key...), 30*24*time.Hour-time.Hour)
	if b.cookie != lost.cookie {
		t.Error("the repeated cookie is another")
	}
}

func TestCookie_logout(t *testing.T) {
	t.Run("the cookie's session", func(t *testing.T) {
		b := signedIn(t, nil)
		other := &browser{stack: b.stack}
		access := other.send(loginDocument).payload.Token
		old := *b
		b.checkCleared(b.send(logoutDocument, "Authorization", "Bearer "+access), 1)
		old.checkUnchanged(old.send(refreshDocument), 401, "SESSION_REVOKED")
		if problem := b.access(access); problem != "" {
			t.Errorf("the bearer's session: %s", problem)
		}
		old.checkCleared(old.send(logoutDocument), 0) // nothing remains to be revoked
	})
	t.Run("everywhere", func(t *testing.T) {
		b := signedIn(t, nil)
		(&browser{stack: b.stack}).send(loginDocument)
		bearer := []string{"Authorization", "Bearer " + b.send(loginDocument).payload.Token}
		if got := b.send(`mutation { x: logout(scope: OTHERS) }`, bearer...); got.count != 1 || len(got.set) != 0 {
			t.Errorf("others: %+v", got)
		}
		b.checkUnchanged(b.send(`mutation { x: logout(scope: ALL) }`), 401, "TOKEN_MISSING")
		b.checkCleared(b.send(`mutation { x: logout(scope: ALL) }`, bearer...), 1)
	})
	t.Run("another session", func(t *testing.T) {
		b := signedIn(t, nil)
		other := &browser{stack: b.stack}
		other.send(loginDocument)
		if got := b.send(`mutation { x: logout(refreshToken: "` + other.cookie + `") }`); got.count != 1 || len(got.set) != 0 {
			t.Errorf("%+v", got)
		}
		b.checkKept(b.send(refreshDocument), 30*24*time.Hour)
	})
}

// No error changes the cookie: the winner of a race may just have set a valid
// one, and an outage must sign nobody out.
func TestCookie_errors(t *testing.T) {
	t.Run("raced and reused", func(t *testing.T) {
		b := signedIn(t, nil)
		b.skewed(time.Hour)
		for _, document := range []string{refreshDocument, logoutDocument, loginDocument} {
			b.checkUnchanged(b.send(document), 503, "UNAVAILABLE")
		}
		b.skewed(-time.Hour)
		broken := &browser{stack: b.stack, cookie: "x." + b.cookie}
		broken.checkUnchanged(broken.send(refreshDocument), 401, "TOKEN_INVALID")
		used := *b
		b.checkKept(b.send(refreshDocument), 30*24*time.Hour)
		used.checkUnchanged(used.send(refreshDocument), 401, "TOKEN_BLACKLISTED")
		b.advance(time.Minute)
		used.checkUnchanged(used.send(refreshDocument), 401, "TOKEN_REUSED")
		b.checkUnchanged(b.send(refreshDocument), 401, "SESSION_REVOKED")
	})
	t.Run("ended", func(t *testing.T) {
		b := signedIn(t, nil)
		if _, err := b.app.core.DisableUser(t.Context(), "ada@example.com", operator()); err != nil {
			t.Fatal(err)
		}
		b.checkUnchanged(b.send(refreshDocument), 401, "USER_DISABLED")
		b.exec(`DELETE FROM sessions`)
		b.checkUnchanged(b.send(refreshDocument), 401, "SESSION_UNKNOWN")
		b.advance(31 * 24 * time.Hour)
		b.checkUnchanged(b.send(refreshDocument), 401, "TOKEN_EXPIRED")
	})
	t.Run("limited", func(t *testing.T) {
		b := signedIn(t, map[string]string{"RATE_LIMITS": "on"})
		for b.send(refreshDocument).problem == "" { // the clock does not advance
		}
		b.checkUnchanged(b.send(refreshDocument), 429, "RATE_LIMITED")
	})
}

// skewed shifts the replica's clock against the database's and lets the replica
// detect this.
func (b *browser) skewed(d time.Duration) {
	b.advanceReplica(d)
	_ = b.app.core.CheckClock(b.t.Context()) // the error is expected
}

// A page of a foreign origin changes nothing and reads nothing. A listed origin
// may act with the cookie.
func TestCookie_origins(t *testing.T) {
	b := signedIn(t, map[string]string{"CORS_ORIGINS": "https://app.example.com"})
	own := strings.TrimPrefix(b.url, "http://")
	for name, header := range map[string][]string{
		"cross-site":    {"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"},
		"sibling":       {"Sec-Fetch-Site", "same-site", "Origin", "https://evil.example.com"},
		"old browser":   {"Sec-Fetch-Site", "", "Origin", "https://evil.example"},
		"other scheme":  {"Sec-Fetch-Site", "cross-site", "Origin", "http://app.example.com"},
		"sandboxed":     {"Sec-Fetch-Site", "cross-site", "Origin", "null"},
		"proxied claim": {"Sec-Fetch-Site", "", "Origin", "https://evil.example", "X-Forwarded-Host", "evil.example"},
	} {
		for _, document := range []string{signUpDocument, loginDocument, refreshDocument, logoutDocument} {
			got := b.send(document, header...)
			b.checkUnchanged(got, 403, "FORBIDDEN")
			if got.header.Get("Access-Control-Allow-Origin") != "" || got.header.Get("Access-Control-Allow-Credentials") != "" {
				t.Errorf("%s: %v", name, got.header)
			}
			if media := got.header.Get("Content-Type"); media != "application/graphql-response+json; charset=utf-8" {
				t.Errorf("%s: %s", name, media)
			}
		}
	}
	b.checkKept(b.send(refreshDocument, "Sec-Fetch-Site", "same-origin", "Origin", "http://"+own), 30*24*time.Hour)
	b.checkKept(b.send(refreshDocument, "Sec-Fetch-Site", "", "Origin", "http://"+own), 30*24*time.Hour)
	named := b.send(refreshDocument, "Sec-Fetch-Site", "same-site", "Origin", "https://app.example.com")
	b.checkKept(named, 30*24*time.Hour)
	if named.header.Get("Access-Control-Allow-Origin") != "https://app.example.com" ||
		named.header.Get("Access-Control-Allow-Credentials") != "true" || !slices.Contains(named.header.Values("Vary"), "Origin") {
		t.Errorf("%v", named.header)
	}
}

// checkPayload requires a pair in the payload, and no cookie. It returns the
// refresh token.
func (b *browser) checkPayload(got answered) string {
	b.t.Helper()
	if got.problem != "" || got.payload.Token == "" || got.payload.RefreshToken == nil || len(got.set) != 0 {
		b.t.Fatalf("%+v", got)
	}
	return *got.payload.RefreshToken
}

// A client that is not a browser gets its pair in the payload. A request with
// any sign of a browser never does, whichever others a proxy has removed.
func TestCookie_native(t *testing.T) {
	native := newBrowser(t, nil)
	noFetch := []string{"Sec-Fetch-Site", ""}
	native.checkPayload(native.send(signUpDocument, noFetch...))
	token := native.checkPayload(native.send(loginDocument, noFetch...))
	refresh := func() string {
		return `mutation { x: refreshToken(refreshToken: "` + token + `") { token refreshToken } }`
	}
	token = native.checkPayload(native.send(refresh(), noFetch...))
	token = native.checkPayload(native.send(refreshDocument, append(noFetch, "Authorization", "Bearer "+token)...))

	for name, header := range map[string][]string{
		"fetch metadata": nil,
		"origin":         {"Sec-Fetch-Site", "", "Origin", native.url},
		"one of them":    {"Sec-Fetch-Site", "", "Sec-Fetch-Dest", "empty"},
		"other cookie":   {"Cookie", resolvers.CookieName + "=x; " + resolvers.CookieName + "=y", "Sec-Fetch-Site", ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := &browser{stack: native.stack}
			b.checkKept(b.send(loginDocument, header...), 30*24*time.Hour)
			b.checkKept(b.send(refreshDocument, noFetch...), 30*24*time.Hour)
			b.checkKept(b.send(loginDocument, noFetch...), 30*24*time.Hour)
		})
	}
	if got := native.send(`mutation { x: logout(refreshToken: "`+token+`") }`, noFetch...); got.count != 1 || len(got.set) != 0 {
		t.Errorf("logout: %+v", got)
	}
}

// Without cookie mode no cookie is set, and a cookie that a client sends is
// ignored.
func TestCookie_off(t *testing.T) {
	b := newBrowser(t, map[string]string{"COOKIE_MODE": "off"})
	foreign := []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://any.example"}
	got := b.send(signUpDocument, foreign...)
	if got.problem != "" || got.payload.RefreshToken == nil || len(got.set) != 0 ||
		got.header.Get("Access-Control-Allow-Origin") != "*" || got.header.Get("Access-Control-Allow-Credentials") != "" {
		t.Fatalf("%+v", got)
	}
	b.cookie = *got.payload.RefreshToken
	b.checkUnchanged(b.send(refreshDocument, foreign...), 401, "TOKEN_MISSING")
	if got := b.send(logoutDocument, foreign...); got.problem != "" || got.count != 0 || len(got.set) != 0 {
		t.Errorf("logout: %+v", got)
	}
}

// The legacy route ignores cookies, and a GET to GraphQL changes none.
func TestCookie_otherTransports(t *testing.T) {
	b := signedIn(t, nil)
	for path, status := range map[string]int{"/auth/refresh": 400, "/graphql?query=mutation%7Blogout%7D": 405} {
		req, err := http.NewRequest(http.MethodGet, b.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.AddCookie(&http.Cookie{Name: resolvers.CookieName, Value: b.cookie})
		if got := b.do(req); got.status != status || len(got.set) != 0 {
			t.Errorf("%s: %+v", path, got)
		}
	}
	b.checkKept(b.send(refreshDocument), 30*24*time.Hour)
}
