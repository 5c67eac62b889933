package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// soon is a time limit for handlers that wait until it has passed.
const soon = 50 * time.Millisecond

// TestTimeout: the context of a request ends with the time, and the handler's
// own answer is sent and logged.
func TestTimeout(t *testing.T) {
	log := &logBuffer{}
	s := start(t, Options{Log: log.logger(t), Now: steps(), RequestTimeout: soon}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = fmt.Fprint(w, context.Cause(r.Context()))
	}))
	res, err := http.Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusServiceUnavailable || string(body) != context.DeadlineExceeded.Error() {
		t.Errorf("%d %s, %v", res.StatusCode, body, err)
	}
	if !strings.Contains(log.String(), `"status":503`) {
		t.Errorf("the log: %s", log)
	}
}

// TestTimeout_body: a body that does not arrive cannot be read further. A body
// that does has no influence on the requests after it.
func TestTimeout_body(t *testing.T) {
	s := start(t, Options{RequestTimeout: soon}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err != nil {
			http.Error(w, fmt.Sprint(errors.Is(err, os.ErrDeadlineExceeded)), http.StatusRequestTimeout)
			return
		}
		<-r.Context().Done()
		_, _ = fmt.Fprint(w, context.Cause(r.Context()))
	}))
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	send := func(body string) {
		t.Helper()
		if _, err := fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n%s", body); err != nil {
			t.Fatal(err)
		}
	}
	read := func(want string) {
		t.Helper()
		buffer := make([]byte, 4096)
		n, err := conn.Read(buffer)
		if !strings.Contains(string(buffer[:n]), want) {
			t.Errorf("%q, %v, want %q", buffer[:n], err, want)
		}
	}
	for range 3 {
		send("full")
		read(context.DeadlineExceeded.Error())
	}
	send("hal")
	read("408 Request Timeout")
}

// TestWithoutTimeout: the context of a stream has no time limit, keeps the values
// of its request, and ends with it.
func TestWithoutTimeout(t *testing.T) {
	type key struct{}
	request, leave := context.WithCancel(t.Context())
	defer leave()
	for name, limit := range map[string]time.Duration{"limited": soon, "unlimited": 0} {
		t.Run(name, func(t *testing.T) {
			s := Timeout(limit, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				limited := context.WithValue(r.Context(), key{}, "value")
				stream, end := WithoutTimeout(limited)
				if limit > 0 {
					<-limited.Done()
				}
				if _, has := stream.Deadline(); has || stream.Err() != nil || stream.Value(key{}) != "value" {
					t.Errorf("after the time: %v", stream.Err())
				}
				other, endOther := WithoutTimeout(limited)
				endOther()
				if other.Err() == nil || stream.Err() != nil {
					t.Errorf("ended: %v, open: %v", other.Err(), stream.Err())
				}
				end()
			}))
			r, err := http.NewRequestWithContext(request, http.MethodGet, "/", nil)
			if err != nil {
				t.Fatal(err)
			}
			s.ServeHTTP(nil, r)
		})
	}
	Timeout(time.Hour, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		stream, end := WithoutTimeout(r.Context())
		defer end()
		leave()
		<-stream.Done()
		if !errors.Is(context.Cause(stream), context.Canceled) {
			t.Errorf("the client has left: %v", context.Cause(stream))
		}
	})).ServeHTTP(nil, (&http.Request{}).WithContext(request))
}
