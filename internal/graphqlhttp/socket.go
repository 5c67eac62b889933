package graphqlhttp

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"

	"rekey/internal/auth"
)

// socket is one WebSocket.
type socket struct {
	*handler
	place  *place
	conn   *websocket.Conn
	r      *http.Request
	header http.Header // with the credentials of connection_init
	wait   func(context.Context) error

	// goroutines are all goroutines except the one that reads.
	goroutines sync.WaitGroup
	closeOnce  sync.Once

	mu            sync.Mutex
	subscriptions map[string]*subscription
	busy          int           // subscriptions that may still send
	quiet         chan struct{} // closed, and replaced, when busy becomes 0
}

// serveSocket serves a WebSocket until it is closed.
func (h *handler) serveSocket(w http.ResponseWriter, r *http.Request, media mediaType) {
	if !h.streams.allows(r) {
		h.turnAway(w, r, media, &auth.Error{Code: auth.CodeForbidden, Message: "pages of this origin may not connect: CORS_ORIGINS does not name it"})
		return
	}
	ctx, end := h.options.WithoutTimeout(r.Context())
	defer end()
	r = r.WithContext(ctx)
	ctx, place, err := h.streams.enter(ctx)
	if err != nil {
		h.turnAway(w, r, media, err)
		return
	}
	defer place.leave()
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		Subprotocols:       []string{subprotocol},
		InsecureSkipVerify: true, // the origin was checked above
	})
	if err != nil {
		return // Accept has answered
	}
	conn.SetReadLimit(h.streams.limits.MessageBytes)
	ctx, cancel := context.WithCancel(ctx)
	s := &socket{handler: h, place: place, conn: conn, r: r, subscriptions: map[string]*subscription{}, quiet: make(chan struct{})}
	stop := context.AfterFunc(h.streams.draining, func() { s.close(closing{websocket.StatusGoingAway, "Going away", nil}) })
	s.run(ctx)
	stop()
	cancel()
	_ = conn.CloseNow()
	s.goroutines.Wait()
	s.closeOnce.Do(func() {}) // a socket that the client closed is not logged
}

// run follows the protocol until the socket is to be closed.
func (s *socket) run(ctx context.Context) {
	if s.conn.Subprotocol() != subprotocol {
		s.close(closing{4406, "Subprotocol not acceptable", nil})
		return
	}
	if !s.init(ctx) {
		return
	}
	s.goroutines.Go(func() { s.keepAlive(ctx) })
	s.goroutines.Go(func() { s.closeWhenInvalid(ctx) })
	for {
		m, ok := s.read(ctx)
		if !ok || !s.handle(ctx, m) {
			return
		}
	}
}

// init waits for connection_init and authenticates by its payload.
func (s *socket) init(ctx context.Context) bool {
	late := time.AfterFunc(s.streams.limits.InitTimeout, func() { s.close(closing{4408, "Connection initialisation timeout", nil}) })
	m, ok := s.readInit(ctx)
	if errors.Is(context.Cause(ctx), errEvicted) {
		s.drop(closing{websocket.StatusTryAgainLater, "Too many sockets wait to authenticate", nil})
		return false
	}
	if !late.Stop() || !ok {
		return false
	}
	if s.header, ok = withPayload(s.r.Header, m.Payload); !ok {
		s.close(closeBad("The payload of connection_init must be an object"))
		return false
	}
	wait, err := s.streams.connect(ctx, s.header)
	if err == nil || errors.Is(context.Cause(ctx), errEvicted) {
		err = s.place.authenticated() // an error if the place was lost
	}
	if err != nil {
		s.close(closeFor(auth.AsError(err)))
		return false
	}
	s.wait = wait
	return s.send(ctx, message{Type: msgAck})
}

// readInit reads until connection_init. Clients may ping before it.
func (s *socket) readInit(ctx context.Context) (message, bool) {
	for {
		m, ok := s.read(ctx)
		switch {
		case !ok || m.Type == msgInit:
			return m, ok
		case m.Type == msgSubscribe:
			s.close(closeUnauthorized())
			return m, false
		case !s.handlePing(ctx, m):
			return m, false
		}
	}
}

// handle serves one message. It returns false if the socket is to be closed.
func (s *socket) handle(ctx context.Context, m message) bool {
	switch m.Type {
	case msgInit:
		s.close(closing{4429, "Too many initialisation requests", nil})
		return false
	case msgSubscribe:
		return s.subscribe(ctx, m)
	case msgComplete:
		s.mu.Lock()
		sub := s.subscriptions[m.ID]
		s.mu.Unlock()
		if sub != nil && s.remove(sub) { // nothing more is sent of it
			sub.cancel()
		}
		return true
	}
	return s.handlePing(ctx, m)
}

func (s *socket) handlePing(ctx context.Context, m message) bool {
	switch m.Type {
	case msgPing:
		return s.send(ctx, message{Type: msgPong, Payload: m.Payload})
	case msgPong:
		return true
	}
	s.close(closeBad("Unknown or malformed message"))
	return false
}

// read returns false if the connection is closed. Every message counts against
// the limits like a request, because pings can be a flood too. A subscribe
// message counts later, in operation, and is answered with an error.
func (s *socket) read(ctx context.Context) (message, bool) {
	kind, text, err := s.conn.Read(ctx)
	if err != nil {
		if errors.Is(err, websocket.ErrMessageTooBig) {
			s.drop(closing{websocket.StatusMessageTooBig, "Message too big", nil})
		}
		return message{}, false
	}
	var m message
	if kind != websocket.MessageText || json.Unmarshal(text, &m) != nil || len(m.ID) > maxSubscriptionID {
		s.close(closeBad("Unknown or malformed message"))
		return m, false
	}
	if m.Type == msgSubscribe {
		return m, true
	}
	if err := s.options.Admit(s.r); err != nil {
		s.close(closeFor(auth.AsError(err)))
		return m, false
	}
	return m, true
}

// send writes a message. It drops a client that does not read it in time. The
// end of ctx does not interrupt the write: that would close the connection, and
// ctx may be that of one subscription.
func (s *socket) send(ctx context.Context, m message) bool {
	text, err := json.Marshal(m)
	if err != nil {
		return false
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.streams.limits.WriteTimeout)
	defer cancel()
	err = s.conn.Write(ctx, websocket.MessageText, text)
	if errors.Is(err, context.DeadlineExceeded) {
		s.drop(closing{websocket.StatusAbnormalClosure, "Messages not read", nil})
	}
	return err == nil
}

// keepAlive drops a client that does not answer a ping in time.
func (s *socket) keepAlive(ctx context.Context) {
	ticker := time.NewTicker(s.streams.limits.KeepAlive)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		answer, cancel := context.WithTimeout(ctx, s.streams.limits.KeepAlive)
		err := s.conn.Ping(answer)
		cancel()
		if errors.Is(err, context.DeadlineExceeded) {
			s.drop(closing{websocket.StatusAbnormalClosure, "Ping not answered", nil})
		}
		if err != nil {
			_ = s.conn.CloseNow()
			return
		}
	}
}

// closeWhenInvalid closes the socket when its credentials become invalid. Its
// subscriptions end for the same reason. It waits until they have sent their
// last messages, which report it, or the limit is reached.
func (s *socket) closeWhenInvalid(ctx context.Context) {
	invalid := s.wait(ctx)
	if ctx.Err() != nil {
		return
	}
	enough := time.NewTimer(s.streams.limits.LastWords)
	defer enough.Stop()
	s.mu.Lock()
	idle, quiet := s.busy == 0, s.quiet
	s.mu.Unlock()
	if !idle {
		select {
		case <-quiet:
		case <-enough.C:
		case <-ctx.Done():
		}
	}
	s.close(closeFor(auth.AsError(invalid)))
}

// close closes the socket; only the first reason is sent and logged. It waits
// some seconds at most for the client to confirm.
func (s *socket) close(c closing) {
	s.closeOnce.Do(func() {
		s.log(c)
		_ = s.conn.Close(c.code, c.reason)
	})
}

// drop closes the socket without waiting for the client, which cannot or need
// not be sent a reason. The code StatusAbnormalClosure, which is only logged,
// stands for a connection that just broke (RFC 6455 section 7.4.1).
func (s *socket) drop(c closing) {
	s.closeOnce.Do(func() {
		s.log(c)
		_ = s.conn.CloseNow()
	})
}

// log logs why a socket is closed. The line of its request has status 101 in
// every case.
func (s *socket) log(c closing) {
	ctx, log := s.r.Context(), s.streams.log
	code, reason := slog.Int("close_code", int(c.code)), slog.String("close_reason", c.reason)
	if c.refusal != nil {
		s.streams.count(c.refusal.Code)
		auth.LogError(ctx, log, auth.TransportGraphQL, c.refusal, code, reason)
		return
	}
	log.LogAttrs(ctx, slog.LevelInfo, "websocket closed", code, reason,
		slog.String("request_id", auth.ClientFrom(ctx).RequestID))
}
