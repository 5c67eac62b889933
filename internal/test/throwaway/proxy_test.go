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

// TestProxy_faults: what each fault does to connections, and that it ends.
func TestProxy_faults(t *testing.T) {
	t.Parallel()
	p := NewProxy(t, echo(t, ""))
	dial := func() (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", p.Addr())
		if err == nil {
			t.Cleanup(func() { _ = conn.Close() })
		}
		return conn, err
	}
	works := func(after string) net.Conn {
		t.Helper()
		conn, err := dial()
		if err != nil {
			t.Fatalf("after %s: %v", after, err)
		}
		if got := say(t, conn, "a\n"); got != "a\n" {
			t.Fatalf("after %s: answer %q", after, got)
		}
		return conn
	}
	closed := func(conn net.Conn, by string) {
		t.Helper()
		if _, err := conn.Read(make([]byte, 1)); err == nil {
			t.Errorf("%s leaves a connection open, or answers", by)
		}
	}

	conn := works("start")
	p.Refuse()
	closed(conn, "Refuse")
	if _, err := dial(); err == nil {
		t.Error("a connection was accepted")
	}
	for range 2 {
		if err := p.Accept(); err != nil {
			t.Fatal(err)
		}
	}

	conn = works("Accept")
	p.CutAnswers()
	before := p.Requests()
	if _, err := conn.Write([]byte("b\n")); err != nil {
		t.Fatal(err)
	}
	closed(conn, "CutAnswers")
	if n := p.Requests() - before; n != 1 {
		t.Errorf("%d requests were forwarded", n)
	}
	p.Clean()

	conn = works("CutAnswers")
	p.BlackHole()
	before = p.Requests()
	if _, err := conn.Write([]byte("c\n")); err != nil {
		t.Fatal(err)
	}
	for p.Requests() == before {
		runtime.Gosched()
	}
	p.Clean()
	closed(conn, "BlackHole")

	conn = works("BlackHole")
	p.LoseAnswers()
	before = p.Requests()
	if _, err := conn.Write([]byte("d\n")); err != nil {
		t.Fatal(err)
	}
	for p.Requests() == before {
		runtime.Gosched()
	}
	p.Clean()
	closed(conn, "LoseAnswers")
	works("LoseAnswers")
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
