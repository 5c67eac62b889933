package e2e

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

// BenchmarkStreams_memory measures the memory (RSS) of an open connection with a
// subscription. Run it with -benchtime 1x.
func BenchmarkStreams_memory(b *testing.B) {
	const connections = 1900 // of the 2,000 that a replica accepts
	for name, open := range map[string]func(b *testing.B, c *http.Client, base, token string){
		"WebSocket": openSocket, "SSE": openEvents,
	} {
		b.Run(name, func(b *testing.B) {
			p := start(b, map[string]string{"DATA_DIR": b.TempDir(), "RATE_LIMITS": "off", "LOG_LEVEL": "warn"})
			token := signUp(b, httpClient(), p.URL, "ada@example.com").Access
			before := resident(b, p)
			for i := range connections { // each address may have 100
				open(b, clientAt(fmt.Sprintf("127.0.0.%d", 2+i/95)), p.URL, token)
			}
			b.ReportMetric(float64(resident(b, p)-before)/connections/1024, "KiB/connection")
		})
	}
}

// clientAt returns a client with an address of its own.
func clientAt(address string) *http.Client {
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	return &http.Client{Transport: &http.Transport{DialContext: dialer.DialContext}}
}

func openSocket(b *testing.B, c *http.Client, base, token string) {
	b.Helper()
	conn, _, err := websocket.Dial(b.Context(), base+"/graphql", &websocket.DialOptions{HTTPClient: c, Subprotocols: []string{"graphql-transport-ws"}})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.CloseNow() })
	for _, message := range []string{
		`{"type":"connection_init","payload":{"Authorization":"Bearer ` + token + `"}}`,
		`{"type":"subscribe","id":"1","payload":{"query":"subscription { sessionEvents { kind } }"}}`,
		`{"type":"ping"}`,
	} {
		if err := conn.Write(b.Context(), websocket.MessageText, []byte(message)); err != nil {
			b.Fatal(err)
		}
	}
	for text := []byte(nil); !strings.Contains(string(text), "pong"); { // the server has processed all of them
		if _, text, err = conn.Read(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	conn.CloseRead(b.Context()) // answers pings
}

func openEvents(b *testing.B, c *http.Client, base, token string) {
	b.Helper()
	req, err := http.NewRequest(http.MethodPost, base+"/graphql", strings.NewReader(`{"query":"subscription { sessionEvents { kind } }"}`))
	if err != nil {
		b.Fatal(err)
	}
	req.Header = http.Header{"Content-Type": {"application/json"}, "Accept": {"text/event-stream"}, "Authorization": {"Bearer " + token}}
	res, err := c.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = res.Body.Close() })
	if res.StatusCode != http.StatusOK {
		b.Fatal(res.Status)
	}
}

// resident returns the resident memory of a process, in bytes.
func resident(b *testing.B, p *process) int {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		b.Skip(err)
	}
	kB, err := strconv.Atoi(string(regexp.MustCompile(`VmRSS:\s+(\d+) kB`).FindSubmatch(status)[1]))
	if err != nil {
		b.Fatal(err)
	}
	return kB << 10
}
