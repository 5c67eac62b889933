package resolvers

import (
	"net/http"
	"testing"

	"rekey/internal/auth"
)

func TestCookieOf(t *testing.T) {
	for name, tc := range map[string]struct {
		cookies []string
		want    string
	}{
		"One":          {[]string{"a=b; " + CookieName + "=t.o.k; c=d"}, "t.o.k"},
		"None":         {[]string{"a=b"}, ""},
		"Two":          {[]string{CookieName + "=t; " + CookieName + "=u"}, ""},
		"TwoHeaders":   {[]string{CookieName + "=t", CookieName + "=u"}, ""},
		"AnotherName":  {[]string{"rekey_refresh=t"}, ""},
		"AnotherCase":  {[]string{"__host-rekey_refresh=t"}, ""},
		"NothingInIt":  {[]string{CookieName + "="}, ""},
		"NoCookies":    {nil, ""},
		"NotACookie":   {[]string{"\x00;;;=;" + CookieName}, ""},
		"SpacesAround": {[]string{"  " + CookieName + "=t  "}, "t"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := cookieOf(http.Header{"Cookie": tc.cookies}, CookieName); got != tc.want {
				t.Errorf("cookie = %q, want %q", got, tc.want)
			}
		})
	}
}

// An answer whose header has been sent takes no cookie: what would give a
// refresh token is not done.
func TestResolver_jar(t *testing.T) {
	ctx := contextWith(http.Header{"Cookie": {CookieName + "=t"}})
	if _, err := (&Resolver{CookieMode: true}).jar(ctx); auth.AsError(err).Code != auth.CodeBadUserInput {
		t.Errorf("without an answer: %v", err)
	}
	for name, tc := range map[string]struct {
		mode bool
		want string
	}{"On": {true, "t"}, "Off": {false, ""}} {
		got, err := (&Resolver{CookieMode: tc.mode}).jar(WithAnswer(ctx, http.Header{}))
		if err != nil || got.token != tc.want {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestFromBrowser(t *testing.T) {
	for name, tc := range map[string]struct {
		header http.Header
		want   bool
	}{
		"Native":           {http.Header{"User-Agent": {"okhttp/5"}, "Authorization": {"Bearer t"}, "Content-Type": {"application/json"}}, false},
		"OtherCookie":      {http.Header{"Cookie": {"lang=de"}}, false},
		"Origin":           {http.Header{"Origin": {"https://app.example.com"}}, true},
		"OpaqueOrigin":     {http.Header{"Origin": {"null"}}, true},
		"EmptyOrigin":      {http.Header{"Origin": {""}}, true},
		"OriginRemoved":    {http.Header{"Sec-Fetch-Site": {"same-origin"}}, true},
		"ModeOnly":         {http.Header{"Sec-Fetch-Mode": {"cors"}}, true},
		"UnknownMetadata":  {http.Header{"Sec-Fetch-Storage-Access": {"active"}}, true},
		"Cookie":           {http.Header{"Cookie": {"a=b; " + CookieName + "=t"}}, true},
		"EmptyCookie":      {http.Header{"Cookie": {CookieName + "="}}, true},
		"TwoCookies":       {http.Header{"Cookie": {"a=b", CookieName + "=t; " + CookieName + "=u"}}, true},
		"InvalidCookie":    {http.Header{"Cookie": {CookieName + "=\"t\x00"}}, true},
		"DeviceCookie":     {http.Header{"Cookie": {"a=b; " + DeviceCookieName + "=t"}}, true},
		"NothingAtAll":     {http.Header{}, false},
		"SimilarlyNamed":   {http.Header{"X-Origin": {"https://app.example.com"}, "Sec-Websocket-Key": {"k"}}, false},
		"CookieOfNoValues": {http.Header{"Cookie": {}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := fromBrowser(tc.header); got != tc.want {
				t.Errorf("fromBrowser = %t, want %t", got, tc.want)
			}
		})
	}
}
