package store_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"rekey/internal/auth"
	"rekey/internal/store"
	"rekey/internal/test/throwaway"
)

// proxy forwards to Postgres and counts what clients wait for: each Sync and each
// simple query is one round trip.
type proxy struct {
	net.Listener
	upstream string
	trips    atomic.Int64
}

func startProxy(t *testing.T, upstream string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	p := &proxy{Listener: l, upstream: upstream}
	go p.serve()
	return p
}

func (p *proxy) serve() {
	for {
		client, err := p.Accept()
		if err != nil {
			return
		}
		go p.relay(client)
	}
}

func (p *proxy) relay(client net.Conn) {
	defer func() { _ = client.Close() }()
	server, err := net.Dial("tcp", p.upstream)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	go func() {
		_, _ = io.Copy(client, server)
		_ = client.Close()
	}()
	// The first message has no type, each later one has a byte for it.
	for typed := 0; p.forward(client, server, typed) == nil; typed = 1 {
	}
}

func (p *proxy) forward(from io.Reader, to io.Writer, typed int) error {
	head := make([]byte, typed+4)
	if _, err := io.ReadFull(from, head); err != nil {
		return err
	}
	if typed == 1 && (head[0] == 'S' || head[0] == 'Q') {
		p.trips.Add(1)
	}
	if _, err := to.Write(head); err != nil {
		return err
	}
	_, err := io.CopyN(to, from, int64(binary.BigEndian.Uint32(head[typed:]))-4)
	return err
}

// countTrips returns a store on Postgres with one connection, and the proxy that
// counts its round trips.
func countTrips(t *testing.T) (*store.Store, *proxy) {
	t.Helper()
	address, err := url.Parse(throwaway.Postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	p := startProxy(t, address.Host)
	address.Host = p.Addr().String()
	return open(t, store.Options{URL: address.String(), MaxOpenConns: 1}), p
}

// surroundings implements the ports of a login other than the store.
type surroundings struct {
	auth.Tokens
	auth.Blacklist
}

func (surroundings) Mint(auth.TokenUse, auth.Claims) (string, error)   { return "token", nil }
func (surroundings) Allow(context.Context, ...auth.Check) auth.Refusal { return auth.Refusal{} }
func (surroundings) Emit(context.Context, auth.Event)                  {}
func (surroundings) Invalidate(context.Context, ...auth.Invalidation) error {
	return nil
}

// TestLogin_PostgresRoundTrips: the user with the database's clock, BEGIN, the
// session, its event, COMMIT. A user over the maximum of sessions costs two
// transactions more: one that finds the session to invalidate, and one that
// revokes it.
func TestLogin_PostgresRoundTrips(t *testing.T) {
	s, p := countTrips(t)
	const password = "correct horse battery"
	for name, test := range map[string]struct {
		maxSessions int
		want        int64
	}{"NoMaximum": {0, 5}, "FarFromMaximum": {100, 5}, "AtMaximum": {3, 5}, "OverMaximum": {1, 14}} {
		t.Run(name, func(t *testing.T) {
			core, err := auth.New(auth.Options{
				Settings: auth.Settings{
					AccessTTL: time.Minute, RefreshTTL: time.Hour, SessionTTL: time.Hour, ClockLeeway: time.Hour, MaxSessions: test.maxSessions,
				},
				Store: s, Tokens: surroundings{}, Blacklist: surroundings{}, Limiter: surroundings{}, Events: surroundings{},
				Passwords: auth.NewPasswords(1, 8, nil), Now: time.Now, RotationKeys: auth.FixedKeys(make([]byte, 32)),
			})
			if err != nil {
				t.Fatal(err)
			}
			email := name + "@example.org"
			if _, err := core.SignUp(t.Context(), auth.SignUpInput{Name: "Ada", Email: email, Password: password}, auth.Client{}); err != nil {
				t.Fatal(err)
			}
			for range 2 { // the first one prepares
				p.trips.Store(0)
				if _, err := core.Login(t.Context(), auth.LoginInput{Email: email, Password: password}, auth.Client{}); err != nil {
					t.Fatal(err)
				}
			}
			if got := p.trips.Load(); got != test.want {
				t.Errorf("%d round trips, want %d", got, test.want)
			}
		})
	}
}

// TestStore_PostgresRoundTrips counts the round trips on a warm connection.
func TestStore_PostgresRoundTrips(t *testing.T) {
	s, p := countTrips(t)
	u, r := signUp(t, s)
	calls := map[string]struct {
		call func() error
		want int64
	}{
		"Rotate": {func() error {
			_, err := s.Rotate(t.Context(), r)
			r.Current, r.Next = r.Next, auth.HashSecret(string(r.Next[:]))
			return err
		}, 1},
		"SessionState": {func() error { _, err := s.SessionState(t.Context(), r.SessionID, r.Current); return err }, 1},
		"UserByID":     {func() error { _, err := s.UserByID(t.Context(), u.ID); return err }, 1},
		"Record":       {func() error { return s.Record(t.Context(), auth.Event{UserID: u.ID}) }, 1},
		// BEGIN, the session, its event, COMMIT.
		"CreateSession": {func() error {
			sess, err := s.SessionState(t.Context(), r.SessionID, r.Current)
			sess.Session.ID, sess.Session.RetryHash = uuid.NewString(), nil // without an idempotency key
			p.trips.Store(0)
			_, createErr := s.CreateSession(t.Context(), auth.NewSession{Session: sess.Session, PasswordHash: u.PasswordHash}, &auth.Event{UserID: u.ID})
			return errors.Join(err, createErr)
		}, 4},
		// BEGIN, two statements, COMMIT. Nothing is prepared again.
		"EndSessions": {func() error {
			_, err := s.EndSessions(t.Context(), auth.EndSessions{UserID: u.ID, Except: r.SessionID, At: r.Now}, nil)
			return err
		}, 4},
	}
	for name, test := range calls {
		t.Run(name, func(t *testing.T) {
			for range 2 { // the first one prepares
				p.trips.Store(0)
				if err := test.call(); err != nil {
					t.Fatal(err)
				}
			}
			if got := p.trips.Load(); got != test.want {
				t.Errorf("%d round trips, want %d", got, test.want)
			}
		})
	}
}
