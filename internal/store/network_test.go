package store_test

import (
	"errors"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"

	"rekey/internal/auth"
	"rekey/internal/store"
	"rekey/internal/test/throwaway"
)

// hole is a network that can drop everything without an error.
type hole struct {
	net.Listener
	to   string
	flow sync.RWMutex // locked to stop the flow
}

// newHole returns a network in front of the server at address, and its URL.
func newHole(t *testing.T, address string) (*hole, string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &hole{Listener: l, to: u.Host}
	t.Cleanup(func() { _ = l.Close() })
	go h.serve()
	u.Host = l.Addr().String()
	return h, u.String()
}

func (h *hole) serve() {
	for {
		in, err := h.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", h.to)
		if err != nil {
			_ = in.Close()
			continue
		}
		go h.carry(in, out)
		go h.carry(out, in)
	}
}

func (h *hole) carry(to io.WriteCloser, from io.Reader) {
	defer func() { _ = to.Close() }()
	for buf := make([]byte, 4096); ; {
		n, err := from.Read(buf)
		h.flow.RLock()
		_, writeErr := to.Write(buf[:n])
		h.flow.RUnlock()
		if err != nil || writeErr != nil {
			return
		}
	}
}

// A network that drops everything causes CodeUnavailable after the timeout. The
// outcome of a rotation is then unknown.
func TestStore_PostgresBlackHole(t *testing.T) {
	t.Parallel()
	database := throwaway.Postgres(t)
	h, address := newHole(t, database)
	patient := open(t, store.Options{URL: database, Timeout: time.Minute})
	u, r := signUp(t, patient)
	rotateTimes(t, patient, r, 1)
	r.Current, r.Next = r.Next, auth.HashSecret("0++")
	s, err := store.Open(t.Context(), store.Options{URL: address, MaxOpenConns: 2, Timeout: 500 * time.Millisecond, Wait: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	eventually(t, func() bool { _, err := s.Now(t.Context()); return err == nil })
	h.flow.Lock()
	_, err = s.Rotate(t.Context(), r) // on a connection that was open before
	if err == nil || auth.AsError(err).Code != auth.CodeUnavailable || errors.Is(err, auth.ErrNothingDone) {
		t.Errorf("Rotate: error is %v, want UNAVAILABLE with an unknown outcome", err)
	}
	for name, call := range map[string]func() error{
		"Read":    func() error { _, err := s.SessionState(t.Context(), r.SessionID, r.Current); return err },
		"User":    func() error { _, err := s.UserByID(t.Context(), u.ID); return err },
		"End":     func() error { _, err := s.EndSessions(t.Context(), auth.EndSessions{UserID: u.ID}, nil); return err },
		"Ping":    func() error { return s.Ping(t.Context()) },
		"CleanUp": func() error { _, err := s.Clean(t.Context(), 1); return err },
	} {
		if err := call(); err == nil || auth.AsError(err).Code != auth.CodeUnavailable {
			t.Errorf("%s: error is %v, want one under UNAVAILABLE", name, err)
		}
	}
	h.flow.Unlock()
	eventually(t, func() bool { _, err := s.Now(t.Context()); return err == nil })
}
