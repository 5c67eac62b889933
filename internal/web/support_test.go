package web

import (
	"bytes"
	"compress/gzip"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"rekey/internal/test/logcheck"
)

// logBuffer is a log that can be read while it is written.
type logBuffer struct{ logcheck.Text }

// logger writes to the buffer; no secret may be in it when the test ends.
func (l *logBuffer) logger(t *testing.T) *slog.Logger {
	t.Cleanup(func() { logcheck.Check(t, l.String()) })
	return slog.New(slog.NewJSONHandler(l, nil))
}

func proxies(prefixes ...string) Proxies {
	var p Proxies
	for _, s := range prefixes {
		p = append(p, netip.MustParsePrefix(s))
	}
	return p
}

// steps is a clock that moves by 250 ms at each reading.
func steps() func() time.Time {
	t := time.Date(2021, 11, 14, 12, 22, 28, 0, time.UTC)
	return func() time.Time {
		t = t.Add(250 * time.Millisecond)
		return t
	}
}

// start serves a chain around handler until the test ends.
func start(t *testing.T, o Options, handler http.Handler) *httptest.Server {
	t.Helper()
	if o.Log == nil {
		o.Log = logcheck.Logger(t)
	}
	if o.Now == nil {
		o.Now = func() time.Time { return time.Time{} }
	}
	if o.CORS.Origins == nil {
		o.CORS.Origins = []string{"*"}
	}
	s := httptest.NewServer(Chain(handler, o))
	t.Cleanup(s.Close)
	return s
}

// reply is an answer as it came over the wire.
type reply struct {
	status int
	header http.Header
	length int64 // Content-Length, -1 without
	body   []byte
}

// call sends a request as it is, adding and decompressing nothing.
func call(t *testing.T, s *httptest.Server, method, path string, headers ...string) reply {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	transport := s.Client().Transport.(*http.Transport).Clone()
	transport.DisableCompression = true
	defer transport.CloseIdleConnections()
	res, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{res.StatusCode, res.Header, res.ContentLength, body}
}

func gunzip(t *testing.T, body []byte) string {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		t.Fatalf("the body is not gzip: %v", err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(plain)
}
