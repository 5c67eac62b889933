package throwaway

import (
	"bufio"
	"net"
	"runtime"
	"testing"
)

func TestProxy(t *testing.T) {
	t.Parallel()
	one, two := echo(t, "one "), echo(t, "two ")
	p := NewProxy(t, one)
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if got := say(t, conn, "a\n"); got != "one a\n" {
		t.Errorf("answer %q", got)
	}
	p.Hang(true)
	answer := make(chan string)
	go func() { answer <- say(t, conn, "b\n") }()
	for p.Requests() < 2 {
		runtime.Gosched()
	}
	select {
	case got := <-answer:
		t.Errorf("an answer while it hangs: %q", got)
	default:
	}
	p.Hang(false)
	if got := <-answer; got != "one b\n" {
		t.Errorf("answer %q", got)
	}
	p.Point(two)
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("the old connection stays")
	}
	conn, err = (&net.Dialer{}).DialContext(t.Context(), "tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if got := say(t, conn, "c\n"); got != "two c\n" {
		t.Errorf("answer %q", got)
	}
	if n := p.Requests(); n != 3 {
		t.Errorf("%d requests, want 3", n)
	}
}

func say(t *testing.T, conn net.Conn, line string) string {
	if _, err := conn.Write([]byte(line)); err != nil {
		t.Error(err)
	}
	answer, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		t.Error(err)
	}
	return answer
}

// echo starts a server that answers each line with a prefix before it.
func echo(t *testing.T, prefix string) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", loopback+":0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				lines := bufio.NewScanner(conn)
				for lines.Scan() {
					_, _ = conn.Write([]byte(prefix + lines.Text() + "\n"))
				}
			}()
		}
	}()
	return l.Addr().String()
}
