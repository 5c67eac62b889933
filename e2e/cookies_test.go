package e2e

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"rekey/internal/test/throwaway"
)

// trusting is a jar that accepts Secure cookies from loopback without TLS, as
// browsers do.
type trusting struct{ http.CookieJar }

func (j trusting) SetCookies(u *url.URL, cookies []*http.Cookie) {
	j.CookieJar.SetCookies(secure(u), cookies)
}

func (j trusting) Cookies(u *url.URL) []*http.Cookie { return j.CookieJar.Cookies(secure(u)) }

func secure(u *url.URL) *url.URL {
	twin := *u
	twin.Scheme = "https"
	return &twin
}

// browserLike adds fetch metadata to requests, as browsers do.
type browserLike struct{}

func (browserLike) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return http.DefaultTransport.RoundTrip(r)
}

// TestCookies_tabs: tabs that share one cookie and refresh at the same moment
// present the same token. One of them gets the next token. When all are
// answered, the cookie holds the new token and the user is still signed in.
func TestCookies_tabs(t *testing.T) {
	const tabs, rounds = 8, 50
	p := start(t, map[string]string{"DATA_DIR": t.TempDir(), "COOKIE_MODE": "on", "RATE_LIMITS": "off", "REUSE_WINDOW": "1h"})
	home, err := url.Parse(p.URL)
	if err != nil {
		t.Fatal(err)
	}
	inner, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	jar := trusting{inner}
	c := httpClient()
	c.Jar, c.Transport = jar, browserLike{}
	if got := signUp(t, c, p.URL, "ada@example.com"); got.Refresh != "" {
		t.Fatal("the payload contains the refresh token")
	}
	for round := range rounds {
		before := jar.Cookies(home)
		problems := make([]string, tabs)
		errs := make([]error, tabs)
		var wg sync.WaitGroup
		for i := range tabs {
			c := httpClient()
			c.Jar = sending{jar, before} // all have sent it by now
			wg.Go(func() {
				var data any
				problems[i], _, errs[i] = graphql(c, p.URL, "", `mutation { refreshToken { token } }`, nil, &data)
			})
		}
		wg.Wait()
		won := 0
		for i, problem := range problems {
			switch {
			case errs[i] != nil:
				t.Fatal(errs[i])
			case problem == "":
				won++
			case problem != "TOKEN_BLACKLISTED":
				t.Fatalf("round %d: %s", round, problem)
			}
		}
		if won != 1 || jar.Cookies(home)[0].Value == before[0].Value {
			t.Fatalf("round %d: %d tabs got the next token", round, won)
		}
	}
}

// sending is a jar whose requests carry the given cookies, whatever it contains.
type sending struct {
	http.CookieJar
	cookies []*http.Cookie
}

func (s sending) Cookies(*url.URL) []*http.Cookie { return s.cookies }

// TestCookies_browser runs the code of docs/how-to/browsers.md in Chromium: see
// cookies/cookies.mjs.
func TestCookies_browser(t *testing.T) {
	chromium := throwaway.LookPath(t, "chromium", "chromium")
	node := throwaway.LookPath(t, "node", "nodejs")
	installPackages(t, "cookies", "playwright-core")
	app, stranger := page(t), page(t)
	p := start(t, map[string]string{"DATA_DIR": t.TempDir(), "COOKIE_MODE": "on", "CORS_ORIGINS": app, "LOG_LEVEL": "warn", "REUSE_WINDOW": "1h"})
	api := dropping(t, p.URL)
	run := exec.CommandContext(t.Context(), node, "cookies.mjs", "--chromium", chromium,
		"--api", api, "--app", app, "--sibling", stranger, "--foreign", strings.Replace(stranger, "localhost", "127.0.0.1", 1))
	run.Dir = "cookies"
	if output, err := run.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s\n%s", err, output, p.out)
	}
	if strings.Contains(p.out.String(), "refresh_reuse") {
		t.Errorf("something was taken for theft:\n%s", p.out)
	}
}

// page serves an empty page, and the code of docs/how-to/browsers.md as /session.js. It
// returns its origin, with the host name that browsers trust with Secure
// cookies.
func page(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../docs/how-to/browsers.md")
	if err != nil {
		t.Fatal(err)
	}
	code := regexp.MustCompile("(?s)```js\n(.*?)```").FindSubmatch(text)
	if code == nil {
		t.Fatal("no code in docs/how-to/browsers.md")
	}
	return serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/session.js" {
			w.Header().Set("Content-Type", "text/javascript")
			_, _ = w.Write(code[1])
			return
		}
		w.Header().Set("Content-Type", "text/html")
		_, _ = fmt.Fprint(w, "<!doctype html><title>a page</title>")
	}))
}

// dropping is a proxy in front of base. After a request to /drop it loses the
// responses to POST requests: base has executed the request, and the client does
// not receive the response. One lost response is not enough, because browsers
// repeat a request themselves when a reused connection ends without a response.
// After a request to /hang it does not answer POST requests at all. A request to
// /heal ends both.
func dropping(t *testing.T, base string) string {
	t.Helper()
	target, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	var fault atomic.Value
	fault.Store("/heal")
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.ModifyResponse = func(res *http.Response) error {
		if res.Request.Method == http.MethodPost && fault.Load() == "/drop" {
			panic(http.ErrAbortHandler)
		}
		return nil
	}
	return serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/drop", r.URL.Path == "/hang", r.URL.Path == "/heal":
			fault.Store(r.URL.Path)
		case r.Method == http.MethodPost && fault.Load() == "/hang":
			_, _ = io.Copy(io.Discard, r.Body) // the server detects a closed connection only after that
			<-r.Context().Done()
		default:
			proxy.ServeHTTP(w, r)
		}
	}))
}

// serve returns a server's origin with the host name localhost.
func serve(t *testing.T, handler http.Handler) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: handler}
	go func() { _ = server.Serve(listener) }() // returns when it is closed
	t.Cleanup(func() { _ = server.Close() })
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return "http://localhost:" + port
}
