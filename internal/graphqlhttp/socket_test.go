package graphqlhttp

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"rekey/internal/auth"
)

// wire is a client's end of a WebSocket.
type wire struct {
	t    *testing.T
	conn *websocket.Conn
}

func (f *streamFixture) dial(t *testing.T, header http.Header, protocols ...string) (*wire, *http.Response) {
	t.Helper()
	conn, res, err := websocket.Dial(t.Context(), f.url, &websocket.DialOptions{Subprotocols: protocols, HTTPHeader: header})
	if err != nil {
		if res == nil {
			t.Fatal(err)
		}
		return nil, res
	}
	t.Cleanup(func() { _ = conn.CloseNow() })
	return &wire{t, conn}, res
}

// open returns a socket that is acknowledged.
func (f *streamFixture) open(t *testing.T) *wire {
	t.Helper()
	w, _ := f.dial(t, nil, subprotocol)
	w.say(`{"type":"connection_init"}`)
	w.hear(`{"type":"connection_ack"}`)
	return w
}

func (w *wire) say(text string) {
	w.t.Helper()
	if err := w.conn.Write(w.t.Context(), websocket.MessageText, []byte(text)); err != nil {
		w.t.Fatal(err)
	}
}

func (w *wire) subscribe(id, document string) {
	w.t.Helper()
	query, _ := json.Marshal(document)
	w.say(`{"type":"subscribe","id":"` + id + `","payload":{"query":` + string(query) + `}}`)
}

func (w *wire) read() (string, error) {
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	_, text, err := w.conn.Read(ctx)
	return string(text), err
}

func (w *wire) hear(want string) {
	w.t.Helper()
	if got, err := w.read(); err != nil || got != want {
		w.t.Fatalf("received %s, %v, want %s", got, err, want)
	}
}

// hearError returns the code of the error that a subscription ends with.
func (w *wire) hearError(id string) (code, message string) {
	w.t.Helper()
	text, err := w.read()
	if err != nil {
		w.t.Fatal(err)
	}
	var m struct {
		Type, ID string
		Payload  []struct {
			Message    string
			Extensions struct{ Code, RequestID string }
		}
	}
	if err := json.Unmarshal([]byte(text), &m); err != nil || m.Type != "error" || m.ID != id || len(m.Payload) != 1 {
		w.t.Fatalf("received %s, %v", text, err)
	}
	if m.Payload[0].Extensions.RequestID != testRequestID {
		w.t.Errorf("no request id: %s", text)
	}
	return m.Payload[0].Extensions.Code, m.Payload[0].Message
}

func (w *wire) closed(want websocket.StatusCode) {
	w.t.Helper()
	text, err := w.read()
	if got := websocket.CloseStatus(err); got != want {
		w.t.Fatalf("%s, %v, want it closed with %d", text, err, want)
	}
}

func TestSocket_events(t *testing.T) {
	f := newStreamFixture(t)
	w := f.open(t)
	w.subscribe("a", subscribeDocument)
	f.send(t, 2)
	w.hear(`{"id":"a","type":"next","payload":{"data":{"sessionEvents":{"generation":2}}}}`)
	w.say(`{"type":"ping","payload":{"x":1}}`)
	w.hear(`{"type":"pong","payload":{"x":1}}`)
	w.say(`{"type":"pong"}`)
	close(f.root.events)
	w.hear(`{"id":"a","type":"complete"}`)
}

// The client may give a subscription up, and use its id again.
func TestSocket_complete(t *testing.T) {
	f := newStreamFixture(t)
	w := f.open(t)
	w.subscribe("a", subscribeDocument)
	f.send(t, 1)
	w.hear(`{"id":"a","type":"next","payload":{"data":{"sessionEvents":{"generation":1}}}}`)
	w.say(`{"type":"complete","id":"a"}`)
	w.say(`{"type":"complete","id":"never"}`)
	w.subscribe("a", subscribeDocument)
	f.send(t, 2)
	w.hear(`{"id":"a","type":"next","payload":{"data":{"sessionEvents":{"generation":2}}}}`)
}

func TestSocket_protocol(t *testing.T) {
	hello := `{"type":"connection_init"}`
	sub := `{"type":"subscribe","id":"a","payload":{"query":"` + subscribeDocument + `"}}`
	for name, tt := range map[string]struct {
		say  []string
		want websocket.StatusCode
	}{
		"subscribe before init": {[]string{sub}, 4401},
		"init twice":            {[]string{hello, hello}, 4429},
		"one id twice":          {[]string{hello, sub, sub}, 4409},
		"not JSON":              {[]string{"{"}, 4400},
		"an array":              {[]string{"[]"}, 4400},
		"unknown type":          {[]string{hello, `{"type":"start"}`}, 4400},
		"no type":               {[]string{`{}`}, 4400},
		"no id":                 {[]string{hello, `{"type":"subscribe","payload":{"query":"x"}}`}, 4400},
		"a long id":             {[]string{hello, `{"type":"complete","id":"` + strings.Repeat("x", 200) + `"}`}, 4400},
		"payload of init":       {[]string{`{"type":"connection_init","payload":[]}`}, 4400},
		"too big":               {[]string{hello, `{"type":"ping","payload":"` + strings.Repeat("x", 64<<10) + `"}`}, websocket.StatusMessageTooBig},
	} {
		t.Run(name, func(t *testing.T) {
			f := newStreamFixture(t)
			w, _ := f.dial(t, nil, subprotocol)
			for _, text := range tt.say {
				w.say(text)
			}
			for {
				text, err := w.read()
				if err != nil {
					if got := websocket.CloseStatus(err); got != tt.want {
						t.Errorf("%v, want %d", err, tt.want)
					}
					f.loggedOnce(t, `level=INFO msg="websocket closed" close_code=`+strconv.Itoa(int(tt.want))+" close_reason=")
					return
				}
				if strings.Contains(text, secret) {
					t.Error("an answer repeats what was sent")
				}
			}
		})
	}
}

func TestSocket_subprotocol(t *testing.T) {
	f := newStreamFixture(t)
	for _, offered := range [][]string{nil, {"graphql-ws"}} {
		w, _ := f.dial(t, nil, offered...)
		w.closed(4406)
		f.loggedOnce(t, `level=INFO msg="websocket closed" close_code=4406 close_reason="Subprotocol not acceptable"`)
		f.closings.Reset()
	}
}

func TestSocket_initTimeout(t *testing.T) {
	f := newStreamFixture(t, limited(StreamLimits{InitTimeout: 50 * time.Millisecond}))
	w, _ := f.dial(t, nil, subprotocol)
	w.closed(4408)
	f.loggedOnce(t, `level=INFO msg="websocket closed" close_code=4408 close_reason="Connection initialisation timeout"`)
}

func TestSocket_credentials(t *testing.T) {
	f := newStreamFixture(t)
	w, _ := f.dial(t, http.Header{"Authorization": {"Bearer header"}, "X-Api-Key": {"key"}}, subprotocol)
	w.say(`{"type":"connection_init","payload":{"authorization":"Bearer payload","Cookie":"no","X-API-Key":7}}`)
	w.hear(`{"type":"connection_ack"}`)
	if got := f.header.Values("Authorization"); len(got) != 1 || got[0] != "Bearer payload" {
		t.Errorf("Authorization %q", got)
	}
	if f.header.Get("X-API-Key") != "key" || f.header.Get("Cookie") != "" {
		t.Errorf("header %v", f.header)
	}
}

func TestSocket_refused(t *testing.T) {
	for name, tt := range map[string]struct {
		err    error
		want   websocket.StatusCode
		logged string
	}{
		"expired":     {auth.Unauthenticated(auth.ReasonTokenExpired, "m"), 4403, " reason=TOKEN_EXPIRED"},
		"blacklisted": {auth.Unauthenticated(auth.ReasonTokenBlacklisted, "m"), 4403, " reason=TOKEN_BLACKLISTED"},
		"revoked":     {auth.Unauthenticated(auth.ReasonSessionRevoked, "m"), 4401, " reason=SESSION_REVOKED"},
		"missing":     {auth.Unauthenticated(auth.ReasonTokenMissing, "m"), 4401, " reason=TOKEN_MISSING"},
		"limited":     {auth.RateLimited(time.Second), websocket.StatusTryAgainLater, `level=INFO msg="request refused"`},
		"outage":      {auth.Unavailable(nil), websocket.StatusTryAgainLater, `level=WARN msg="request failed"`},
	} {
		t.Run(name, func(t *testing.T) {
			f := newStreamFixture(t)
			f.connectErr = tt.err
			w, _ := f.dial(t, nil, subprotocol)
			w.say(`{"type":"connection_init"}`)
			w.closed(tt.want)
			logged := []string{" transport=graphql close_code=" + strconv.Itoa(int(tt.want)), " code=" + string(auth.AsError(tt.err).Code), tt.logged}
			f.loggedOnce(t, logged...)
			f.connectErr = nil
			f.closings.Reset()
			w = f.open(t) // and the same while it is open
			f.ends <- tt.err
			w.closed(tt.want)
			f.loggedOnce(t, logged...)
		})
	}
}

// A subscription says why it ends before the socket is closed for it.
func TestSocket_lastWords(t *testing.T) {
	f := newStreamFixture(t)
	w := f.open(t)
	w.subscribe("a", subscribeDocument)
	f.send(t, 1)
	w.hear(`{"id":"a","type":"next","payload":{"data":{"sessionEvents":{"generation":1}}}}`)
	f.ends <- auth.Unauthenticated(auth.ReasonSessionRevoked, "m")
	f.send(t, 2)
	close(f.root.events)
	w.hear(`{"id":"a","type":"next","payload":{"data":{"sessionEvents":{"generation":2}}}}`)
	w.hear(`{"id":"a","type":"complete"}`)
	w.closed(4401)
}

// TestSocket_operations: an operation that is not a subscription, or exceeds a
// limit, gets an error; the socket remains open.
func TestSocket_operations(t *testing.T) {
	f := newStreamFixture(t)
	w := f.open(t)
	for name, document := range map[string]string{
		"query":            "{ me { id } }",
		"mutation":         `mutation { login(input: {email: "a", password: "` + secret + `"}) { token } }`,
		"two fields":       "subscription { sessionEvents { generation } b: sessionEvents { generation } }",
		"introspection":    "subscription { __typename }",
		"unknown":          "subscription { nothing }",
		"syntax":           `subscription { "` + secret + `" }`,
		"too many tokens":  "subscription { sessionEvents { " + strings.Repeat("kind ", 1000) + "} }",
		"too many aliases": "subscription { sessionEvents { " + aliases(31) + "} }",
	} {
		w.subscribe("a", document)
		code, message := w.hearError("a")
		if code != "BAD_USER_INPUT" || strings.Contains(message, secret) {
			t.Errorf("%s: %s %s", name, code, message)
		}
	}
	if f.root.mutated != 0 {
		t.Error("a mutation was executed")
	}
	for _, payload := range []string{`7`, `{}`, `{"query":7}`, `null`} {
		w.say(`{"type":"subscribe","id":"b","payload":` + payload + `}`)
		if code, _ := w.hearError("b"); code != "BAD_USER_INPUT" {
			t.Errorf("%s: %s", payload, code)
		}
	}
	f.root.err = auth.Unauthenticated(auth.ReasonTokenMissing, "m")
	w.subscribe("a", subscribeDocument)
	if code, _ := w.hearError("a"); code != "UNAUTHENTICATED" {
		t.Errorf("a subscription that is refused: %s", code)
	}
	f.root.err, f.root.panics = nil, secret
	w.subscribe("a", subscribeDocument)
	if code, message := w.hearError("a"); code != "INTERNAL" || strings.Contains(message, secret) {
		t.Errorf("a subscription that panics: %s %s", code, message)
	}
}

func aliases(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("a" + strconv.Itoa(i) + ": kind ")
	}
	return b.String()
}

func TestSocket_limits(t *testing.T) {
	f := newStreamFixture(t, limited(StreamLimits{PerAddress: 1, PerSocket: 1}))
	w := f.open(t)
	w.subscribe("a", subscribeDocument)
	w.subscribe("b", subscribeDocument)
	if code, _ := w.hearError("b"); code != "BAD_USER_INPUT" {
		t.Errorf("a second subscription: %s", code)
	}
	_, res := f.dial(t, nil, subprotocol)
	if res.StatusCode != http.StatusTooManyRequests || res.Header.Get("Retry-After") == "" {
		t.Errorf("a second connection: %d", res.StatusCode)
	}
	_ = w.conn.Close(websocket.StatusNormalClosure, "")
	f.idle(t)
	if f.closings.Len() > 0 {
		t.Errorf("a client that left is logged: %s", &f.closings)
	}
	f.open(t)
}

// TestSocket_flood: every message counts. A flood of messages closes the socket, a
// flood of subscriptions gets errors.
func TestSocket_flood(t *testing.T) {
	f := newStreamFixture(t)
	for _, message := range []string{`{"type":"ping"}`, `{"type":"pong"}`, `{"type":"complete","id":"x"}`} {
		w := f.open(t)
		f.flooded.Store(true)
		w.subscribe("a", subscribeDocument)
		if code, _ := w.hearError("a"); code != "RATE_LIMITED" {
			t.Errorf("a subscription: %s", code)
		}
		w.say(message)
		w.closed(websocket.StatusTryAgainLater)
		f.loggedOnce(t, "close_code=1013", "code=RATE_LIMITED")
		f.closings.Reset()
		f.flooded.Store(false)
	}
}

func TestSocket_origin(t *testing.T) {
	f := newStreamFixture(t)
	_, res := f.dial(t, http.Header{"Origin": {"https://evil.example"}}, subprotocol)
	if told, err := io.ReadAll(res.Body); err != nil || res.StatusCode != http.StatusForbidden || !strings.Contains(string(told), `"code":"FORBIDDEN"`) {
		t.Errorf("a foreign page: %d %s %v", res.StatusCode, told, err)
	}
	if w, res := f.dial(t, http.Header{"Origin": {"https://app.example.com"}}, subprotocol); w == nil {
		t.Errorf("a page of ours: %d", res.StatusCode)
	}
}

func TestSocket_drain(t *testing.T) {
	f := newStreamFixture(t)
	w := f.open(t)
	w.subscribe("a", subscribeDocument)
	f.send(t, 1)
	w.hear(`{"id":"a","type":"next","payload":{"data":{"sessionEvents":{"generation":1}}}}`)
	f.streams.Drain()
	w.closed(websocket.StatusGoingAway)
	f.loggedOnce(t, `level=INFO msg="websocket closed" close_code=1001 close_reason="Going away"`)
	if _, res := f.dial(t, nil, subprotocol); res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a new connection: %d", res.StatusCode)
	}
}

// A client that does not read is dropped, and so is one that does not answer
// pings, since that is read, too.
func TestSocket_deaf(t *testing.T) {
	for name, tt := range map[string]struct {
		limits StreamLimits
		logged string
	}{
		"reads nothing":   {StreamLimits{WriteTimeout: time.Second}, "Messages not read"},
		"answers no ping": {StreamLimits{KeepAlive: time.Second}, "Ping not answered"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newStreamFixture(t, limited(tt.limits))
			w := f.open(t)
			w.subscribe("a", "subscription { sessionEvents { generation "+aliases(30)+" reason } }")
			flood(t, f)
			f.loggedOnce(t, `level=INFO msg="websocket closed" close_code=1006 close_reason="`+tt.logged+`"`)
		})
	}
}
