package e2e

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestConnections: strangers from many networks who open connections and send
// nothing, or never a whole request, keep nobody out.
func TestConnections(t *testing.T) {
	p := start(t, map[string]string{
		"DATA_DIR": t.TempDir(), "MAX_CONNECTIONS": "64", "ADMIN_ADDR": "127.0.0.1:0", "RATE_LIMITS": "off", "HTTP_IDLE_TIMEOUT": "1h",
	})
	address, metrics := strings.TrimPrefix(p.URL, "http://"), p.metricsURL(t)
	for i := range 300 {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(i%30))}}
		conn, err := d.DialContext(t.Context(), "tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		sent := []string{"", "GET /livez HTTP/1.1\r\nHo", "POST /graphql HTTP/1.1\r\nHost: rekey\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"}[i%3]
		if _, err := io.WriteString(conn, sent); err != nil {
			t.Logf("connection %d: %v", i, err) // it may be closed already
		}
	}
	c := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	mine := signUp(t, c, p.URL, "ada@example.com")
	for range 20 {
		got, err := refresh(c, graphqlTransport, p.URL, mine.Refresh, "")
		if err != nil || got.Problem != "" {
			t.Fatalf("refresh: %+v, %v", got, err)
		}
		mine.Refresh = got.Refresh
	}
	if r := readyz(t, c, p.URL); r.code != http.StatusOK {
		t.Errorf("readiness: %+v", r)
	}
	all := scrape(t, metrics)
	if all["rekey_http_connections_max"] != 64 || all[`rekey_http_connections{state="waiting"}`]+all[`rekey_http_connections{state="busy"}`] > 64 ||
		all[`rekey_http_connections_closed_total{limit="all"}`] == 0 || all[`rekey_http_connections_refused_total{limit="all"}`] != 0 {
		t.Errorf("metrics: %v", all)
	}
}

// TestConnections_idle: a connection without a request is closed after
// HTTP_IDLE_TIMEOUT.
func TestConnections_idle(t *testing.T) {
	p := start(t, map[string]string{"DATA_DIR": t.TempDir(), "HTTP_IDLE_TIMEOUT": "1s"})
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, "GET /livez HTTP/1.1\r\nHost: rekey\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn) // until the server closes it
	if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 200") {
		t.Errorf("%q, %v", answer, err)
	}
}
