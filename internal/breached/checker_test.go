package breached

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

const leaked = "correct horse battery"

// checker returns a Checker of an API with a handler, its clock, and its log.
func checker(t *testing.T, handler http.HandlerFunc, path string) (*Checker, *time.Time, *bytes.Buffer) {
	t.Helper()
	o := Options{Path: path, Timeout: time.Minute, // machines may be slow
		Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	if handler != nil {
		server := httptest.NewServer(handler)
		t.Cleanup(server.Close)
		o.URL = server.URL + "/range/"
	}
	now, log := time.Unix(1e9, 0), new(bytes.Buffer)
	o.Now, o.Logger = func() time.Time { return now }, slog.New(slog.NewTextHandler(log, nil))
	c, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c, &now, log
}

func write(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }
}

// TestChecker_Range: answers of a range API, and what they mean. No failure refuses
// a password, and no log line has a part of one or of its hash.
func TestChecker_Range(t *testing.T) {
	hash := hashOf(leaked)
	rest := hash[prefixDigits:]
	other := hashOf("another")[prefixDigits:]
	many := strings.Repeat(other+":1\r\n", 2000)
	for name, tt := range map[string]struct {
		handler http.HandlerFunc
		want    Outcome
	}{
		"in the answer":     {write(other + ":3\r\n" + rest + ":12\r\n" + other + ":1"), Hit},
		"alone":             {write(rest + ":1"), Hit},
		"lower case, LF":    {write(strings.ToLower(rest) + ":1\n"), Hit},
		"at a long end":     {write(many + rest + ":1"), Hit},
		"not in the answer": {write(many), Miss},
		"empty":             {write(""), Miss},
		"padding":           {write(other + ":4\r\n" + rest + ":0\r\n"), Miss},
		"zeros":             {write(rest + ":000\r\n"), Miss},
		"a page":            {write("<!doctype html><title>Log in to the network</title>"), Failed},
		"one wrong line":    {write(many + "oops\r\n" + rest + ":1\r\n"), Failed},
		"whole hashes":      {write(hash + ":1\r\n"), Failed},
		"a negative number": {write(other + ":-1\r\n"), Failed},
		"a line too long":   {write(strings.Repeat("A", 4096)), Failed},
		"an endless answer": {endless(other), Failed},
		"too many requests": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) }, Failed},
		"an error with hits": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = w.Write([]byte(rest + ":1"))
		}, Failed},
		"cut off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100000")
			_, _ = w.Write([]byte(many))
		}, Failed},
		"no answer": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, Failed},
	} {
		t.Run(name, func(t *testing.T) {
			c, _, log := checker(t, tt.handler, "")
			if got := c.Contains(t.Context(), leaked); got != (tt.want == Hit) {
				t.Errorf("contains: %v", got)
			}
			if n := c.Counts(); n[Result{SourceRange, tt.want}] != 1 || len(n) != 6 {
				t.Errorf("counts: %v", n)
			}
			if (tt.want == Failed) != strings.Contains(log.String(), "setting=BREACHED_PASSWORDS ") {
				t.Errorf("log: %s", log)
			}
			noSecrets(t, log.String())
		})
	}
}

// endless writes lines until the client disconnects.
func endless(line string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := fmt.Fprintf(w, "%s:1\r\n", line); err != nil {
				return
			}
		}
	}
}

func noSecrets(t *testing.T, log string) {
	t.Helper()
	for _, secret := range []string{leaked, hashOf(leaked)[:prefixDigits], hashOf(leaked)[prefixDigits:][:10]} {
		if strings.Contains(strings.ToUpper(log), strings.ToUpper(secret)) {
			t.Errorf("the log has %q: %s", secret, log)
		}
	}
}

// TestChecker_Request: a request has five digits of the hash, asks for padding, and
// has nothing else of the password.
func TestChecker_Request(t *testing.T) {
	var seen atomic.Value
	c, _, _ := checker(t, func(w http.ResponseWriter, r *http.Request) {
		var all bytes.Buffer
		_ = r.Write(&all)
		seen.Store(all.String())
		if r.URL.Path != "/range/"+hashOf(leaked)[:5] || r.Method != http.MethodGet || r.Header.Get("Add-Padding") != "true" || r.Header.Get("User-Agent") == "" {
			t.Errorf("request: %s", all.String())
		}
		_, _ = w.Write(nil)
	}, "")
	if c.Contains(t.Context(), leaked) {
		t.Error("refused")
	}
	request, _ := seen.Load().(string)
	if strings.Contains(request, hashOf(leaked)[:6]) || strings.Contains(request, "horse") {
		t.Errorf("request: %s", request)
	}
}

// TestChecker_Redirect: a redirect is not followed, and fails the check.
func TestChecker_Redirect(t *testing.T) {
	var followed atomic.Bool
	c, _, log := checker(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/elsewhere" {
			followed.Store(true)
		}
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
	}, "")
	if c.Contains(t.Context(), leaked) || followed.Load() || !strings.Contains(log.String(), "302") {
		t.Errorf("followed: %v, log: %s", followed.Load(), log)
	}
	noSecrets(t, log.String())
}

// TestChecker_Slow: an API that does not answer, or not to the end, does not hold up
// a sign-up.
func TestChecker_Slow(t *testing.T) {
	for name, begin := range map[string]string{"no answer": "", "half an answer": hashOf("another")[5:] + ":1\r\n"} {
		t.Run(name, func(t *testing.T) {
			c, _, log := checker(t, func(w http.ResponseWriter, r *http.Request) {
				if begin != "" {
					_, _ = w.Write([]byte(begin))
					_ = http.NewResponseController(w).Flush()
				}
				<-r.Context().Done()
			}, "")
			c.timeout = 20 * time.Millisecond
			if c.Contains(t.Context(), leaked, "another form") {
				t.Error("refused")
			}
			if c.Counts()[Result{SourceRange, Failed}] != 1 || !strings.Contains(log.String(), "deadline exceeded") {
				t.Errorf("counts: %v, log: %s", c.Counts(), log)
			}
			noSecrets(t, log.String())
		})
	}
	if checkTimeout != time.Second {
		t.Errorf("the limit is %s", checkTimeout)
	}
}

// TestChecker_Canceled: a client that disconnects is not a failure of the API.
func TestChecker_Canceled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c, _, log := checker(t, func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	}, "")
	if c.Contains(ctx, leaked) || c.Counts()[Result{SourceRange, Failed}] != 0 || log.Len() != 0 {
		t.Errorf("counts: %v, log: %s", c.Counts(), log)
	}
}

// TestChecker_NotPublic: without EGRESS_ALLOW, the API may not be on a private network.
func TestChecker_NotPublic(t *testing.T) {
	var asked atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Store(true) }))
	t.Cleanup(server.Close)
	log := new(bytes.Buffer)
	c, err := Open(Options{URL: server.URL + "/", Now: time.Now, Logger: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	if c.Contains(t.Context(), leaked) || asked.Load() || !strings.Contains(log.String(), "EGRESS_ALLOW") {
		t.Errorf("asked: %v, log: %s", asked.Load(), log)
	}
}

// TestChecker_Warn: an outage is logged once a minute, with the number of failures
// between.
func TestChecker_Warn(t *testing.T) {
	c, now, log := checker(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }, "")
	for range 10 {
		c.Contains(t.Context(), leaked)
	}
	if n := strings.Count(log.String(), "\n"); n != 1 {
		t.Errorf("%d lines", n)
	}
	*now = now.Add(warnEvery)
	c.Contains(t.Context(), leaked)
	if n := strings.Count(log.String(), "\n"); n != 2 || !strings.Contains(log.String(), "failures_not_logged=9") {
		t.Errorf("%d lines: %s", n, log)
	}
}

// TestChecker_Both: the file answers first. The API is asked if the file does not
// have the password, and if the file fails.
func TestChecker_Both(t *testing.T) {
	var asked atomic.Int32
	path := writeFile(t, hashOf("in the file")+":1\n")
	c, _, log := checker(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if h := hashOf("in the API"); strings.HasSuffix(r.URL.Path, h[:5]) {
			_, _ = w.Write([]byte(h[5:] + ":1\r\n"))
		}
	}, path)
	if !c.Contains(t.Context(), "in the file") || asked.Load() != 0 {
		t.Errorf("the API was asked %d times", asked.Load())
	}
	if !c.Contains(t.Context(), "in neither", "in the API") || asked.Load() != 2 {
		t.Errorf("the API was asked %d times", asked.Load())
	}
	if c.Contains(t.Context(), "in neither") {
		t.Error("refused")
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if !c.Contains(t.Context(), "in the API") || !strings.Contains(log.String(), "BREACHED_PASSWORDS_FILE") {
		t.Errorf("after the file failed: %s", log)
	}
	if n := c.Counts(); n[Result{SourceFile, Failed}] != 1 || n[Result{SourceFile, Hit}] != 1 || n[Result{SourceRange, Hit}] != 2 {
		t.Errorf("counts: %v", n)
	}
}
