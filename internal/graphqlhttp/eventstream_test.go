package graphqlhttp

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"rekey/graph/model"
	"rekey/internal/auth"
)

// flood sends big events until the stream has ended.
func flood(t *testing.T, f *streamFixture) {
	t.Helper()
	reason := strings.Repeat("x", 1<<16)
	late, ended := time.After(patience), make(chan struct{})
	go func() {
		defer close(ended)
		_ = f.streams.Wait(t.Context()) // its error is that the test has ended
	}()
	for taken := 0; ; taken++ {
		select {
		case f.root.events <- &model.SessionEvent{Reason: &reason}:
		case <-ended:
			return
		case <-late:
			t.Fatalf("%d events were taken from a client that reads none", taken)
		}
	}
}

// events opens a stream of server-sent events.
func (f *streamFixture) events(t *testing.T, accept, document string) *http.Response {
	t.Helper()
	res, err := f.ask(t, accept, document)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func (f *streamFixture) ask(t *testing.T, accept, document string) (*http.Response, error) {
	t.Helper()
	body, _ := json.Marshal(map[string]string{"query": document})
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, f.url, strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", accept)
	res, err := http.DefaultClient.Do(req)
	if err == nil {
		t.Cleanup(func() { _ = res.Body.Close() })
	}
	return res, err
}

// hearEvent reads up to the end of one event, comments left out.
func hearEvent(t *testing.T, r *bufio.Reader) string {
	t.Helper()
	var lines []string
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatalf("%v after %q", err, lines)
		}
		line = strings.TrimSuffix(line, "\n")
		switch {
		case line != "" && line != ":":
			lines = append(lines, line)
		case line == "" && len(lines) > 0:
			return strings.Join(lines, "|")
		}
	}
}

func TestEvents(t *testing.T) {
	f := newStreamFixture(t, limited(StreamLimits{KeepAlive: 10 * time.Millisecond}))
	res := f.events(t, "text/event-stream", subscribeDocument)
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/event-stream; charset=utf-8" ||
		res.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %v", res.StatusCode, res.Header)
	}
	r := bufio.NewReader(res.Body)
	for range 3 { // at once, and then as signs of life
		if line, err := r.ReadString('\n'); err != nil || line != ":\n" {
			t.Fatalf("%q, %v", line, err)
		}
		_, _ = r.ReadString('\n')
	}
	f.send(t, 2)
	if got := hearEvent(t, r); got != `event: next|data: {"data":{"sessionEvents":{"generation":2}}}` {
		t.Error(got)
	}
	close(f.root.events)
	if got := hearEvent(t, r); got != "event: complete|data: " {
		t.Error(got)
	}
	if _, err := io.ReadAll(r); err != nil {
		t.Error(err)
	}
}

// TestEvents_refused: errors of the execution are sent in the stream. Errors of the
// request are answered before there is one.
func TestEvents_refused(t *testing.T) {
	f := newStreamFixture(t)
	for name, tt := range map[string]struct {
		accept, document string
		status           int
	}{
		"introspection":            {"text/event-stream", "subscription { __typename }", http.StatusBadRequest},
		"no such field":            {"text/event-stream", "subscription { nothing }", http.StatusBadRequest},
		"a query":                  {"text/event-stream", "{ me { id } }", http.StatusNotAcceptable},
		"a mutation":               {"text/event-stream", "mutation { logout }", http.StatusNotAcceptable},
		"a query, or JSON":         {"text/event-stream, application/json", "{ me { id } }", http.StatusOK},
		"a subscription as JSON":   {"application/json", subscribeDocument, http.StatusBadRequest},
		"a subscription as result": {acceptGraphQL, subscribeDocument, http.StatusBadRequest},
		"events at quality 0":      {"text/event-stream;q=0, */*", subscribeDocument, http.StatusBadRequest},
	} {
		res := f.events(t, tt.accept, tt.document)
		if res.StatusCode != tt.status || strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
			t.Errorf("%s: %d %s", name, res.StatusCode, res.Header.Get("Content-Type"))
		}
	}
	if f.root.mutated != 0 {
		t.Error("a mutation was executed")
	}
	f.root.err = auth.Unauthenticated(auth.ReasonTokenExpired, "m")
	r := bufio.NewReader(f.events(t, "text/event-stream", subscribeDocument).Body)
	if got := hearEvent(t, r); !strings.HasPrefix(got, `event: next|data: {"errors":[`) || !strings.Contains(got, "TOKEN_EXPIRED") {
		t.Error(got)
	}
	if got := hearEvent(t, r); got != "event: complete|data: " {
		t.Error(got)
	}
}

func TestEvents_panic(t *testing.T) {
	f := newStreamFixture(t)
	f.root.panics = secret
	text, err := io.ReadAll(f.events(t, "text/event-stream", subscribeDocument).Body)
	if err != nil || strings.Contains(string(text), secret) || !strings.Contains(string(text), `"INTERNAL"`) {
		t.Errorf("%s, %v", text, err)
	}
}

// The server's deadlines are for answers that end.
func TestEvents_deadlines(t *testing.T) {
	f := newStreamFixture(t, limited(StreamLimits{KeepAlive: 20 * time.Millisecond}))
	srv := httptest.NewUnstartedServer(f.Handler)
	srv.Config.ReadTimeout, srv.Config.WriteTimeout = 100*time.Millisecond, 100*time.Millisecond
	srv.Start()
	defer srv.Close()
	defer f.streams.Drain()
	f.url = srv.URL
	res, err := f.ask(t, "text/event-stream", subscribeDocument)
	for try := 1; err != nil && try < 20; try++ { // they may come before the stream has begun
		res, err = f.ask(t, "text/event-stream", subscribeDocument)
	}
	if err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(res.Body)
	for i := range 20 {
		if _, err := r.ReadString('\n'); err != nil {
			t.Fatalf("after %d signs of life: %v", i, err)
		}
		_, _ = r.ReadString('\n')
	}
}

func TestEvents_limits(t *testing.T) {
	f := newStreamFixture(t, limited(StreamLimits{Connections: 1}))
	f.events(t, "text/event-stream", subscribeDocument)
	res := f.events(t, "text/event-stream", subscribeDocument)
	if res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" {
		t.Errorf("%d %v", res.StatusCode, res.Header)
	}
}

func TestEvents_drain(t *testing.T) {
	f := newStreamFixture(t)
	r := bufio.NewReader(f.events(t, "text/event-stream", subscribeDocument).Body)
	f.send(t, 1)
	hearEvent(t, r)
	f.streams.Drain()
	if got := hearEvent(t, r); !strings.Contains(got, `"UNAVAILABLE"`) || !strings.Contains(got, `"retryable":true`) {
		t.Error(got)
	}
	if got := hearEvent(t, r); got != "event: complete|data: " {
		t.Error(got)
	}
}

// A client that left, and one that does not read, hold nothing.
func TestEvents_gone(t *testing.T) {
	f := newStreamFixture(t)
	res := f.events(t, "text/event-stream", subscribeDocument)
	f.send(t, 1)
	_ = res.Body.Close()
	f.idle(t)
}

func TestEvents_deaf(t *testing.T) {
	f := newStreamFixture(t, limited(StreamLimits{WriteTimeout: time.Second}))
	conn, err := net.Dial("tcp", strings.TrimPrefix(f.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	body := `{"query":"subscription { sessionEvents { reason } }"}`
	_, err = io.WriteString(conn, "POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAccept: text/event-stream\r\n"+
		"Content-Length: "+jsonNumber(len(body))+"\r\n\r\n"+body)
	if err != nil {
		t.Fatal(err)
	}
	f.send(t, 1) // the stream has begun
	flood(t, f)
	f.idle(t)
}

func jsonNumber(n int) string {
	text, _ := json.Marshal(n)
	return string(text)
}
