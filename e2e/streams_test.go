package e2e

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

// posted is a client that is connected by WebSocket.
type posted struct {
	t    *testing.T
	conn *websocket.Conn
}

// follow opens a subscription and waits until it is acknowledged.
func follow(t *testing.T, base, authorization, document string) *posted {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, base+"/graphql", &websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.CloseNow() })
	p := &posted{t, conn}
	p.say(map[string]any{"type": "connection_init", "payload": map[string]string{"Authorization": authorization}})
	if text, err := p.hear(); err != nil || !strings.Contains(text, "connection_ack") {
		t.Fatalf("%s, %v", text, err)
	}
	p.say(map[string]any{"type": "subscribe", "id": "1", "payload": map[string]any{"query": document}})
	return p
}

func (p *posted) say(message map[string]any) {
	p.t.Helper()
	text, err := json.Marshal(message)
	if err == nil {
		err = p.conn.Write(p.t.Context(), websocket.MessageText, text)
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *posted) hear() (string, error) {
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	_, text, err := p.conn.Read(ctx)
	return string(text), err
}

// until reads messages up to one that contains a word.
func (p *posted) until(word string) {
	p.t.Helper()
	for {
		text, err := p.hear()
		if err != nil {
			p.t.Fatalf("no %s comes: %v", word, err)
		}
		if strings.Contains(text, word) {
			return
		}
	}
}

// closed reads up to the end of the connection.
func (p *posted) closed(want websocket.StatusCode) {
	p.t.Helper()
	for {
		if _, err := p.hear(); err != nil {
			if got := websocket.CloseStatus(err); got != want {
				p.t.Errorf("closed with %d (%v), want %d", got, err, want)
			}
			return
		}
	}
}

// quiet returns env without warnings, such as those about slow statements on a
// slow machine.
func quiet(env map[string]string) map[string]string {
	env = maps.Clone(env)
	env["LOG_LEVEL"] = "error"
	return env
}

// command runs a command to its end and returns its output.
func command(t *testing.T, env map[string]string, args ...string) string {
	t.Helper()
	p := spawn(t, quiet(env), args...)
	if code := p.wait(); code != 0 {
		t.Fatalf("%v: exit code %d:\n%s", args, code, p.out)
	}
	return p.out.String()
}

// TestStreams: the changes that a command makes while the server runs reach the
// connected clients, with and without Redis. Commands alone create, list and
// revoke an API key.
func TestStreams(t *testing.T) {
	for _, engine := range engines() {
		t.Run(engine.name, func(t *testing.T) {
			env := engine.env(t)
			p := start(t, env)
			key, _, _ := strings.Cut(command(t, env, "apikeys", "create", "--name", "orders", "--scope", "blacklist:read"), "\n")
			prefix := strings.Split(key, "_")[1]
			feed := follow(t, p.URL, "Bearer "+key, `subscription { blacklistEvents { kind reason } }`)
			feed.until("HEARTBEAT")
			mine := signUp(t, httpClient(), p.URL, "ada@example.com")
			own := follow(t, p.URL, "Bearer "+mine.Access, `subscription { sessionEvents { kind reason } }`)
			command(t, env, "users", "disable", "ada@example.com")
			own.until("USER_DISABLED")
			own.closed(4401)
			feed.until("user_disabled")
			if list := command(t, env, "apikeys", "list"); !strings.Contains(list, prefix) || strings.Contains(list, key) {
				t.Errorf("the list:\n%s", list)
			}
			command(t, env, "apikeys", "revoke", prefix)
			feed.until("TOKEN_INVALID")
			feed.closed(4401)
			if p.terminate(); strings.Contains(p.out.String(), key) {
				t.Error("the log contains the key")
			}
		})
	}
}

// TestStreams_drain: SIGTERM closes all streams and ends the process.
func TestStreams_drain(t *testing.T) {
	p := start(t, map[string]string{"DATA_DIR": t.TempDir()})
	mine := signUp(t, httpClient(), p.URL, "ada@example.com")
	const document = `subscription { sessionEvents { kind } }`
	socket := follow(t, p.URL, "Bearer "+mine.Access, document)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.URL+"/graphql", strings.NewReader(`{"query":"`+document+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "text/event-stream")
	req.Header.Set("Authorization", "Bearer "+mine.Access)
	res, err := http.DefaultClient.Do(req) // no timeout: the stream is longer than the server's limit for answers
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	code := make(chan int)
	go func() { code <- p.terminate() }()
	socket.closed(websocket.StatusGoingAway)
	events, err := io.ReadAll(res.Body)
	if err != nil || !strings.Contains(string(events), `"retryable":true`) || !strings.HasSuffix(string(events), "event: complete\ndata: \n\n") {
		t.Errorf("%s, %v", events, err)
	}
	if got := <-code; got != 0 {
		t.Errorf("exit code %d:\n%s", got, p.out)
	}
}

func TestAPIKeys_usage(t *testing.T) {
	env := map[string]string{"DATA_DIR": t.TempDir()}
	command(t, env, "migrate")
	for want, lines := range map[int][]string{
		2: {"apikeys", "apikeys create", "apikeys create --name x", "apikeys create --scope blacklist:read", "apikeys list x", "apikeys revoke", "apikeys create --name x --scope nothing"},
		5: {"apikeys revoke nonesuch"},
	} {
		for _, line := range lines {
			if p := spawn(t, env, strings.Fields(line)...); p.wait() != want {
				t.Errorf("%s: exit code %d, want %d:\n%s", line, p.wait(), want, p.out)
			}
		}
	}
}
