package app

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"rekey/internal/test/logcheck"
)

const (
	sessionDocument   = `subscription { sessionEvents { kind at generation reason expiresAt userAgent ipAddress } }`
	blacklistDocument = `subscription($since: DateTime) { blacklistEvents(since: $since) { kind sessionId secretHash issuedBefore use reason at effectiveAt expiresAt } }`
	patience          = 2 * time.Minute
)

// keepPosted runs the rounds that streams need. every is the length of a second.
func (s *stack) keepPosted(every time.Duration) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(s.t.Context()))
	ticker := time.NewTicker(every)
	var wg sync.WaitGroup
	wg.Go(func() { s.app.streams.run(ctx, ticker.C) })
	s.t.Cleanup(func() {
		s.app.streams.open.Drain()
		wait, stop := context.WithTimeout(ctx, patience)
		defer stop()
		if err := s.app.streams.open.Wait(wait); err != nil {
			s.t.Errorf("connections are left: %v", err)
		}
		ticker.Stop()
		cancel()
		wg.Wait()
	})
}

// fast is a second for tests in which nothing depends on real time.
const fast = 5 * time.Millisecond

// sibling is another replica: on the same database and Redis, with the same
// keys and clock.
func (s *stack) sibling(settings ...func(*program)) *stack {
	s.t.Helper()
	other := &stack{t: s.t, log: &logBuffer{}, db: s.db, now: s.now}
	p := &program{cfg: s.app.cfg, log: slog.New(slog.NewTextHandler(other.log, nil)), stdout: io.Discard, now: s.clock, databaseClock: testClock}
	for _, set := range settings {
		set(p)
	}
	var err error
	if other.app, err = p.open(s.t.Context(), server); err != nil {
		s.t.Fatal(err)
	}
	srv := httptest.NewServer(other.app.handler())
	other.url = srv.URL
	s.t.Cleanup(func() {
		srv.Close()
		if err := other.app.close(); err != nil {
			s.t.Error(err)
		}
		logcheck.Check(s.t, other.log.String(), s.keys...)
	})
	return other
}

func (s *stack) mustRefresh(token string) tokens {
	s.t.Helper()
	out := refreshGraphQL(s, token, "")
	if out.problem != "" {
		s.t.Fatalf("refresh: %s", out.problem)
	}
	return out.tokens
}

// following is a client that follows one subscription.
type following struct {
	t    *testing.T
	read func() (kind string, payload []byte, err error)
	stop func()
}

// streamTransports are the ways to follow.
func streamTransports() map[string]func(*stack, http.Header, string, map[string]any) *following {
	return map[string]func(*stack, http.Header, string, map[string]any) *following{
		"WebSocket": (*stack).followSocket, "events": (*stack).followEvents,
	}
}

func bearer(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }

// followSocket sends the credentials in the payload, as browsers do.
func (s *stack) followSocket(header http.Header, document string, variables map[string]any) *following {
	s.t.Helper()
	conn, res, err := websocket.Dial(s.t.Context(), s.url+"/graphql", &websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}})
	if err != nil {
		s.t.Fatal(err, res)
	}
	s.t.Cleanup(func() { _ = conn.CloseNow() })
	say := func(message map[string]any) {
		text, _ := json.Marshal(message)
		_ = conn.Write(s.t.Context(), websocket.MessageText, text) // the next read returns a refusal
	}
	payload := map[string]string{}
	for name := range header {
		payload[name] = header.Get(name)
	}
	say(map[string]any{"type": "connection_init", "payload": payload})
	say(map[string]any{"type": "subscribe", "id": "1", "payload": map[string]any{"query": document, "variables": variables}})
	return &following{t: s.t, stop: func() { _ = conn.Close(websocket.StatusNormalClosure, "") }, read: func() (string, []byte, error) {
		ctx, cancel := context.WithTimeout(s.t.Context(), patience)
		defer cancel()
		_, text, err := conn.Read(ctx)
		var m struct {
			Type    string
			Payload json.RawMessage
		}
		if err == nil {
			err = json.Unmarshal(text, &m)
		}
		return m.Type, m.Payload, err
	}}
}

func (s *stack) followEvents(header http.Header, document string, variables map[string]any) *following {
	s.t.Helper()
	body, _ := json.Marshal(map[string]any{"query": document, "variables": variables})
	ctx, cancel := context.WithCancel(s.t.Context())
	s.t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/graphql", bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header = header.Clone()
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "text/event-stream")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = res.Body.Close() })
	if res.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(res.Body)
		s.t.Fatalf("status %d: %s", res.StatusCode, text)
	}
	lines := bufio.NewScanner(res.Body)
	return &following{t: s.t, stop: cancel, read: func() (kind string, payload []byte, err error) {
		late := time.AfterFunc(patience, cancel)
		defer late.Stop()
		for lines.Scan() {
			line := lines.Text()
			if name, ok := strings.CutPrefix(line, "event: "); ok {
				kind = name
			}
			if data, ok := strings.CutPrefix(line, "data: "); ok {
				return kind, []byte(data), nil
			}
		}
		return "", nil, errors.Join(io.EOF, lines.Err())
	}}
}

// next returns the next event of any field.
func (f *following) next(into any) {
	f.t.Helper()
	for {
		kind, payload, err := f.read()
		if err != nil {
			f.t.Fatalf("no event comes: %v", err)
		}
		if kind == "connection_ack" {
			continue
		}
		var result struct{ Data map[string]json.RawMessage }
		if err := json.Unmarshal(payload, &result); err != nil || kind != "next" || len(result.Data) != 1 {
			f.t.Fatalf("%s %s", kind, payload)
		}
		for _, event := range result.Data {
			if err := json.Unmarshal(event, into); err != nil {
				f.t.Fatal(err)
			}
		}
		return
	}
}

// end reads on to the end. reason is that of the last error, or its code;
// status is the WebSocket's, 0 for one of events that was completed.
func (f *following) end() (reason string, status websocket.StatusCode) {
	f.t.Helper()
	completed := false
	for {
		kind, payload, err := f.read()
		if err != nil {
			if !completed && websocket.CloseStatus(err) < 0 {
				f.t.Fatalf("the stream was cut: %v", err)
			}
			return reason, max(0, websocket.CloseStatus(err))
		}
		switch kind {
		case "complete":
			completed = true
		case "next", "error":
			if r := reasonOf(payload); r != "" {
				reason = r
			}
		}
	}
}

func reasonOf(payload []byte) string {
	type problem struct {
		Extensions struct{ Code, Reason string }
	}
	var list []problem
	if json.Unmarshal(payload, &list) != nil {
		var result struct{ Errors []problem }
		_ = json.Unmarshal(payload, &result)
		list = result.Errors
	}
	if len(list) == 0 {
		return ""
	}
	if list[0].Extensions.Reason != "" {
		return list[0].Extensions.Reason
	}
	return list[0].Extensions.Code
}

// ends fails unless the stream ends for a reason, a WebSocket with a status.
func (f *following) ends(reason string, status websocket.StatusCode) {
	f.t.Helper()
	gotReason, gotStatus := f.end()
	if gotReason != reason || gotStatus != 0 && gotStatus != status {
		f.t.Errorf("it ends with %q and %d, want %q and %d", gotReason, gotStatus, reason, status)
	}
}
