package e2e

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/coder/websocket"
)

// from returns a client whose connections come from 127.0.2.network.
func from(network int) *http.Client {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 2, byte(network))}}
	return &http.Client{Timeout: patience, Transport: &http.Transport{DialContext: d.DialContext, DisableKeepAlives: true}}
}

// TestStreams_strangers: 20 networks without credentials open 2,600
// WebSockets and event streams, and keep them open. Users still subscribe, and
// lose nothing.
func TestStreams_strangers(t *testing.T) {
	p := start(t, map[string]string{"DATA_DIR": t.TempDir(), "RATE_LIMITS": "off", "LOG_LEVEL": "error", "ADMIN_ADDR": "127.0.0.1:0"})
	metrics := p.metricsURL(t)
	mine := signUp(t, httpClient(), p.URL, "ada@example.com")
	const document = "subscription { sessionEvents { generation } }"
	before := follow(t, p.URL, "Bearer "+mine.Access, document)

	ctx, stop := context.WithCancel(t.Context())
	var strangers sync.WaitGroup
	defer strangers.Wait()
	defer stop()
	const each = 130
	opened := make(chan struct{}, 20*each)
	for network := range 20 {
		strangers.Go(func() {
			c := from(1 + network)
			for i := range each {
				switch i % 3 {
				case 0, 1: // 0: silent, 1: with an invalid token
					conn, _, err := websocket.Dial(ctx, p.URL+"/graphql", &websocket.DialOptions{HTTPClient: c, Subprotocols: []string{"graphql-transport-ws"}})
					if err == nil {
						defer func() { _ = conn.CloseNow() }()
						if i%3 == 1 { // the error is that of a socket that is closed already
							_ = conn.Write(ctx, websocket.MessageText, []byte(`{"type":"connection_init","payload":{"Authorization":"Bearer x.y.z"}}`))
						}
					}
				case 2:
					req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.URL+"/graphql", strings.NewReader(`{"query":"`+document+`"}`))
					if err != nil {
						t.Error(err)
						return
					}
					req.Header.Set("Content-Type", "application/json")
					req.Header.Set("Accept", "text/event-stream")
					if res, err := c.Do(req); err == nil {
						defer func(body io.Closer) { _ = body.Close() }(res.Body) // it is not read
					}
				}
				opened <- struct{}{}
			}
			<-ctx.Done() // keeps all of them open
		})
	}
	for range 20 * each {
		<-opened
	}
	var after []*posted
	for range 5 {
		after = append(after, follow(t, p.URL, "Bearer "+mine.Access, document))
	}
	all := scrapeUntil(t, metrics, "only users have streams", func(s samples) bool { return s["rekey_session_streams"] == 6 })
	if all["rekey_stream_connections"] != 6 || all["rekey_stream_sockets_pending"] > 256 {
		t.Errorf("%v streams, %v pending", all["rekey_stream_connections"], all["rekey_stream_sockets_pending"])
	}
	got, err := refresh(httpClient(), graphqlTransport, p.URL, mine.Refresh, "")
	if err != nil || got.Problem != "" {
		t.Fatalf("refresh: %+v, %v", got, err)
	}
	for _, follower := range append(after, before) {
		follower.until(`"generation":2`)
	}
}
