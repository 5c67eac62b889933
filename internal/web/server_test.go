package web

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"rekey/internal/test/logcheck"
)

// running is a server under Serve whose only request waits to be released.
type running struct {
	url      string
	started  chan struct{}
	release  chan struct{}
	draining chan struct{}
	stop     context.CancelFunc
	ended    chan error
}

func serve(t *testing.T, timeout time.Duration) running {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	s := running{"http://" + listener.Addr().String(), make(chan struct{}), make(chan struct{}), make(chan struct{}), cancel, make(chan error, 1)}
	server := Server(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(s.started)
		select {
		case <-s.release:
			_, _ = w.Write([]byte("whole"))
		case <-r.Context().Done():
		}
	}), time.Minute, logcheck.Logger(t))
	server.RegisterOnShutdown(func() { close(s.draining) })
	go func() { s.ended <- Serve(ctx, listener, server, timeout) }()
	t.Cleanup(cancel)
	return s
}

// request sends one and returns where its answer will come.
func (s running) request() <-chan string {
	answered := make(chan string, 1)
	go func() {
		res, err := http.Get(s.url)
		if err != nil {
			answered <- err.Error()
			return
		}
		defer func() { _ = res.Body.Close() }()
		body, _ := io.ReadAll(res.Body)
		answered <- string(body)
	}()
	return answered
}

func TestServe(t *testing.T) {
	t.Run("DrainsRequestsInFlight", func(t *testing.T) {
		s := serve(t, time.Minute)
		answered := s.request()
		<-s.started
		s.stop()
		<-s.draining
		if _, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://")); err == nil {
			t.Error("a new connection was taken while draining")
		}
		close(s.release)
		if got := <-answered; got != "whole" {
			t.Errorf("the request in flight got %q", got)
		}
		if err := <-s.ended; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})

	t.Run("CutsOffAfterTheTimeout", func(t *testing.T) {
		s := serve(t, time.Millisecond)
		answered := s.request()
		<-s.started
		s.stop()
		if err := <-s.ended; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Serve: %v, want a deadline exceeded", err)
		}
		if got := <-answered; got == "whole" {
			t.Error("a request that was not released has been answered")
		}
	})

	t.Run("StoppedBeforeItBegan", func(t *testing.T) {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := Serve(ctx, listener, Server(routes(), 2*time.Minute, logcheck.Logger(t)), time.Second); err != nil {
			t.Errorf("Serve: %v", err)
		}
		if _, err := net.Dial("tcp", listener.Addr().String()); err == nil {
			t.Error("the listener was left open")
		}
	})

	t.Run("ListenerFails", func(t *testing.T) {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		_ = listener.Close()
		if err := Serve(t.Context(), listener, Server(routes(), 2*time.Minute, logcheck.Logger(t)), time.Second); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Serve: %v", err)
		}
	})
}

func TestServer_Bounds(t *testing.T) {
	s := Server(routes(), 2*time.Minute, logcheck.Logger(t))
	if s.ReadHeaderTimeout != 5*time.Second || s.ReadTimeout != 15*time.Second || s.WriteTimeout != 30*time.Second ||
		s.IdleTimeout != 2*time.Minute || s.MaxHeaderBytes != 64<<10 || s.ErrorLog == nil {
		t.Errorf("%+v", s)
	}
}

// TestServer_silent: a connection that sends no request, or only a part of one,
// is closed in time.
func TestServer_silent(t *testing.T) {
	for name, sent := range map[string]string{
		"nothing": "", "half a request line": "GET /li", "half the headers": "GET / HTTP/1.1\r\nHost: a\r\n", "no request after an answer": "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			server := Server(routes(), 50*time.Millisecond, logcheck.Logger(t))
			server.ReadHeaderTimeout = 50 * time.Millisecond
			go func() { _ = Serve(t.Context(), listener, server, time.Second) }()
			conn, err := net.Dial("tcp", listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			if _, err := io.WriteString(conn, sent); err != nil {
				t.Fatal(err)
			}
			if err := conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error("the connection stays open")
			}
		})
	}
}
