//go:build faults

package fault

import (
	"bufio"
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"

	_ "github.com/glebarez/sqlite"

	"rekey/internal/test/throwaway"
)

// program is the real one, built with the tag and running on SQLite.
type program struct {
	t            *testing.T
	cmd          *exec.Cmd
	url, control string
	dir          string
	on           site
	client       *http.Client
	ended        func() // waits for the end, once
}

func compileTagged(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rekey")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-tags", "faults", "-o", path, "rekey").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}

func startProgram(t *testing.T, path string) *program {
	t.Helper()
	return startProgramIn(t, path, t.TempDir(), site{})
}

// startProgramIn starts the program on a site. It has its files in a directory.
func startProgramIn(t *testing.T, path, dir string, on site) *program {
	t.Helper()
	p := &program{t: t, dir: dir, on: on, control: freeAddress(t), client: &http.Client{Transport: &http.Transport{}}}
	p.cmd = exec.CommandContext(t.Context(), path)
	p.cmd.Env = []string{"HOST=127.0.0.1", "PORT=0", "DATA_DIR=" + p.dir, "FAULT_ADDR=" + p.control}
	p.cmd.Env = append(p.cmd.Env, on.env(dir)...)
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var told bytes.Buffer
	lines := bufio.NewScanner(out)
	for address := regexp.MustCompile(`(http://[^\s"]+)/graphql`); p.url == "" && lines.Scan(); {
		told.WriteString(lines.Text() + "\n")
		if m := address.FindStringSubmatch(lines.Text()); m != nil {
			p.url = m[1]
		}
	}
	p.ended = sync.OnceFunc(func() {
		_, _ = io.Copy(io.Discard, out)
		_ = p.cmd.Wait() // ProcessState has the exit status
	})
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // it may have ended
		p.ended()
	})
	if p.url == "" {
		t.Fatalf("did not start:\n%s", &told)
	}
	return p
}

func freeAddress(t *testing.T) string {
	t.Helper()
	addr, err := throwaway.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	return addr
}

// put calls the control API.
func (p *program) put(path, body string) {
	p.t.Helper()
	req, err := http.NewRequest(http.MethodPut, "http://"+p.control+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	if status, answer, err := p.send(req); err != nil || status != http.StatusOK {
		p.t.Fatalf("%s: %d %s %v", path, status, answer, err)
	}
}

// send returns what was read of the answer along with the error.
func (p *program) send(req *http.Request) (status int, answer []byte, err error) {
	res, err := p.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = res.Body.Close() }()
	answer, err = io.ReadAll(res.Body)
	return res.StatusCode, answer, err
}

func (p *program) graphql(query string) *http.Request {
	p.t.Helper()
	body, err := json.Marshal(map[string]string{"query": query})
	if err != nil {
		p.t.Fatal(err)
	}
	req, err := http.NewRequest(http.MethodPost, p.url+"/graphql", bytes.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	return req
}

func (p *program) signUp() (refreshToken string) {
	p.t.Helper()
	_, answer, err := p.send(p.graphql(`mutation { signUp(input: {name: "Ada", email: "ada@example.com", password: "correct horse"}) { refreshToken } }`))
	var body struct {
		Data struct{ SignUp struct{ RefreshToken string } }
	}
	if err == nil {
		err = json.Unmarshal(answer, &body)
	}
	if err != nil || body.Data.SignUp.RefreshToken == "" {
		p.t.Fatalf("sign-up: %v: %s", err, answer)
	}
	return body.Data.SignUp.RefreshToken
}

// refresh returns the request at a transport.
func (p *program) refresh(transport, token string) *http.Request {
	p.t.Helper()
	if transport == "GraphQL" {
		return p.graphql(fmt.Sprintf(`mutation { refreshToken(refreshToken: %q) { refreshToken } }`, token))
	}
	req, err := http.NewRequest(http.MethodGet, p.url+"/auth/refresh", nil)
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	return req
}

// generation reads how often the one session was rotated, behind the
// program's back.
func (p *program) generation() (n int) {
	p.t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(p.dir, "rekey.db")+"?_pragma=busy_timeout(5000)")
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if err := db.QueryRowContext(p.t.Context(), `SELECT generation FROM sessions`).Scan(&n); err != nil {
		p.t.Fatal(err)
	}
	return n
}

// TestProgram drives the program, built once.
func TestProgram(t *testing.T) {
	path := compileTagged(t)
	t.Run("Kill", func(t *testing.T) { testKill(t, path) })
	t.Run("KillMail", func(t *testing.T) { testKillMail(t, path) })
	t.Run("Stop", func(t *testing.T) { testStop(t, path) })
	t.Run("Clock", func(t *testing.T) { testClock(t, path) })
	t.Run("BadStart", func(t *testing.T) { testBadStart(t, path) })
}

// testKill kills the program at each point, at each transport, and looks what it
// had done by then.
func testKill(t *testing.T, path string) {
	for _, tt := range []struct {
		point      string
		generation int
		begun      bool // something of the answer arrives
	}{{beforeNote, 1, false}, {beforeSwap, 1, false}, {afterCommit, 2, false}, {beforeFirstByte, 2, false}, {midBody, 2, true}} {
		for _, transport := range []string{"GraphQL", "REST"} {
			t.Run(tt.point+"/"+transport, func(t *testing.T) {
				p := startProgram(t, path)
				token := p.signUp()
				p.put("/point", `{"name":"`+tt.point+`","action":"kill"}`)
				_, answer, err := p.send(p.refresh(transport, token))
				if err == nil {
					t.Fatalf("it goes on and answers %d bytes", len(answer))
				}
				if len(answer) > 0 != tt.begun {
					t.Errorf("answer %q, %v", answer, err)
				}
				p.ended()
				if status := p.cmd.ProcessState.Sys().(syscall.WaitStatus); status.Signal() != syscall.SIGKILL {
					t.Errorf("it ended by %v", p.cmd.ProcessState)
				}
				if n := p.generation(); n != tt.generation {
					t.Errorf("generation %d, want %d", n, tt.generation)
				}
			})
		}
	}
}

// testStop: a stopped program has committed and answers when it is
// continued.
func testStop(t *testing.T, path string) {
	p := startProgram(t, path)
	token := p.signUp()
	p.put("/point", `{"name":"after-commit","action":"stop"}`)
	status := make(chan int, 1)
	go func() {
		s, _, err := p.send(p.refresh("REST", token))
		if err != nil {
			t.Error(err)
		}
		status <- s
	}()
	var ws syscall.WaitStatus
	for {
		if _, err := syscall.Wait4(p.cmd.Process.Pid, &ws, syscall.WUNTRACED, nil); err != syscall.EINTR {
			break
		}
	}
	if !ws.Stopped() {
		t.Fatalf("wait status %v", ws)
	}
	if n := p.generation(); n != 2 {
		t.Errorf("generation %d, want 2", n)
	}
	select {
	case s := <-status:
		t.Errorf("a stopped program answers %d", s)
	default:
	}
	if err := p.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if s := <-status; s != http.StatusCreated {
		t.Errorf("after going on it answers %d", s)
	}
}

// testClock: the offset reaches the core, which finds it too far off.
func testClock(t *testing.T, path string) {
	p := startProgram(t, path)
	token := p.signUp()
	for _, tt := range []struct {
		offset         string
		ready, refresh int
	}{{"1h", 503, 503}, {"0s", 200, 201}} {
		p.put("/clock", `{"offset":"`+tt.offset+`"}`)
		req, err := http.NewRequest(http.MethodGet, p.url+"/readyz", nil)
		if err != nil {
			t.Fatal(err)
		}
		if status, answer, err := p.send(req); err != nil || status != tt.ready {
			t.Errorf("%s off: readiness is %d %s, %v", tt.offset, status, answer, err)
		}
		if status, answer, err := p.send(p.refresh("REST", token)); err != nil || status != tt.refresh {
			t.Errorf("%s off: a refresh is answered %d %s, %v", tt.offset, status, answer, err)
		}
	}
}

// testBadStart: what cannot work is said in words.
func testBadStart(t *testing.T, path string) {
	cmd := exec.CommandContext(t.Context(), path)
	cmd.Env = []string{"HOST=127.0.0.1", "PORT=0", "DATA_DIR=" + t.TempDir(), "BAD_BUILD=nonsense", "FAULT_ADDR=0.0.0.0:1"}
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "unknown BAD_BUILD") || !strings.Contains(string(out), "loopback") {
		t.Errorf("%v:\n%s", err, out)
	}
}
