package web

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// Each event of a stream arrives unchanged when it is flushed, and deadlines
// can be removed through all of the wrappers.
func TestChain_Stream(t *testing.T) {
	next := make(chan struct{})
	srv := start(t, Options{Now: steps()}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		control := http.NewResponseController(w)
		if err := control.SetReadDeadline(time.Time{}); err != nil {
			t.Error(err)
		}
		if err := control.SetWriteDeadline(time.Time{}); err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range 3 {
			fmt.Fprintf(w, "data: %d\n\n", i)
			if err := control.Flush(); err != nil {
				t.Error(err)
			}
			<-next
		}
	}))
	req, err := http.NewRequest(http.MethodGet, srv.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept-Encoding", "gzip")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if encoding := res.Header.Get("Content-Encoding"); encoding != "" {
		t.Errorf("Content-Encoding %q", encoding)
	}
	events := bufio.NewReader(res.Body)
	for i := range 3 {
		line, err := events.ReadString('\n')
		if want := fmt.Sprintf("data: %d\n", i); err != nil || line != want {
			t.Fatalf("%q, %v, want %q", line, err, want)
		}
		_, _ = events.ReadString('\n')
		next <- struct{}{}
	}
}

// A connection can be hijacked through all of the wrappers, and the access log
// records it.
func TestChain_Hijack(t *testing.T) {
	log := &logBuffer{}
	taken := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		hijacker, ok := w.(http.Hijacker)
		if !ok {
			t.Error("the writer is not a http.Hijacker")
			return
		}
		w.WriteHeader(http.StatusSwitchingProtocols)
		conn, _, err := hijacker.Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = conn.Write([]byte("mine"))
		_ = conn.Close()
	})
	chain, done := Chain(taken, Options{Log: log.logger(t), Now: steps()}), make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(done) // the server does not wait for hijacked connections
		chain.ServeHTTP(w, r)
	}))
	defer srv.Close()
	conn, err := net.Dial("tcp", strings.TrimPrefix(srv.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\n")
	all, err := io.ReadAll(conn)
	if err != nil || !strings.HasPrefix(string(all), "HTTP/1.1 101 ") || !strings.HasSuffix(string(all), "mine") {
		t.Errorf("%q, %v", all, err)
	}
	<-done
	if !strings.Contains(log.String(), `"status":101`) {
		t.Errorf("the log: %s", log)
	}
}
