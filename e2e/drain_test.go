package e2e

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestServe_drains: after SIGTERM the server finishes the request in progress,
// accepts no new one, and exits with 0.
func TestServe_drains(t *testing.T) {
	p := start(t, map[string]string{"DATA_DIR": t.TempDir()})
	address := strings.TrimPrefix(p.URL, "http://")
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	const body = `{"query": "{ __typename }"}`
	_, err = fmt.Fprintf(conn, "POST /graphql HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n",
		address, len(body))
	if err != nil {
		t.Fatal(err)
	}
	answers := bufio.NewReader(conn)
	// The interim answer shows that the handler waits for the body.
	interim, err := http.ReadResponse(answers, nil)
	if err != nil || interim.StatusCode != http.StatusContinue {
		t.Fatalf("%v, %v", interim, err)
	}
	_ = interim.Body.Close()
	ended := make(chan int)
	go func() { ended <- p.terminate() }()
	waitUntilRefused(t, address)
	if _, err := fmt.Fprint(conn, body); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(answers, nil)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("the request under way: %v, %v", res, err)
	}
	_ = res.Body.Close()
	if code := <-ended; code != 0 {
		t.Errorf("exit code %d:\n%s", code, p.out)
	}
}

// waitUntilRefused polls until the server refuses connections.
func waitUntilRefused(t *testing.T, address string) {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return
		}
		_ = conn.Close()
	}
	t.Fatal("the server still takes connections")
}
