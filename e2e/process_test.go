package e2e

import (
	"bufio"
	"context"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"rekey/internal/cli"
	"rekey/internal/test/logcheck"
	"rekey/internal/test/throwaway"
)

// patience limits the waiting for events that simply must happen. A machine may
// be slow; on a fast machine the limit costs nothing.
const patience = 3 * time.Minute

// binary is the program under test, built once for the whole run.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "rekey-e2e")
	if err != nil {
		log.Fatal(err)
	}
	binary = filepath.Join(dir, "rekey")
	out, err := exec.CommandContext(context.Background(), "go", "build", "-o", binary, "rekey").CombinedOutput()
	if err != nil {
		log.Fatalf("go build: %v\n%s", err, out)
	}
	code := throwaway.Main(m)
	if err := os.RemoveAll(dir); err != nil {
		log.Print(err)
	}
	os.Exit(code)
}

// process is a running rekey.
type process struct {
	URL  string
	cmd  *exec.Cmd
	done chan struct{} // closed when the process has ended
	out  *output
}

// start runs the binary with env added to a minimal environment, and waits until
// it reports its address. The end of the test stops it.
func start(t testing.TB, env map[string]string, args ...string) *process {
	t.Helper()
	p := spawn(t, env, args...)
	select {
	case url := <-p.out.ready:
		p.URL = url
	case <-p.done:
		t.Fatalf("rekey ended at the start:\n%s", p.out)
	case <-time.After(patience):
		t.Fatalf("rekey did not start:\n%s", p.out)
	}
	return p
}

// spawn runs the binary without waiting for it.
func spawn(t testing.TB, env map[string]string, args ...string) *process {
	t.Helper()
	dependOnProgram(t)
	return spawnProgram(t, binary, env, args...)
}

func spawnProgram(t testing.TB, program string, env map[string]string, args ...string) *process {
	t.Helper()
	p := &process{done: make(chan struct{}), out: newOutput()}
	p.cmd = exec.CommandContext(context.WithoutCancel(t.Context()), program, args...)
	p.cmd.Env = environment(env)
	p.cmd.Dir = t.TempDir()
	r, w := io.Pipe()
	p.cmd.Stdout, p.cmd.Stderr = w, w
	read := make(chan struct{})
	go func() { p.out.follow(r); close(read) }()
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // ProcessState holds the exit status
		_ = w.Close()
		<-read
		close(p.done)
	}()
	t.Cleanup(func() {
		p.kill()
		logcheck.Check(t, logged(p.out.String()), keysSent()...)
	})
	return p
}

// logged returns what a process printed, without the secrets that it prints on
// purpose: the examples in the banner, and the API key that a command created.
func logged(text string) string {
	var banner, rest strings.Builder
	cli.Banner(&banner, cli.Place{})
	aside := slices.Collect(strings.Lines(banner.String()))
	key := regexp.MustCompile(`^rk_[0-9a-f]{8}_[0-9a-f]{64}\n$`)
	for line := range strings.Lines(text) {
		if !slices.Contains(aside, line) && !key.MatchString(line) {
			rest.WriteString(line)
		}
	}
	return rest.String()
}

func environment(env map[string]string) []string {
	all := []string{"HOST=127.0.0.1", "PORT=0"}
	for k, v := range env {
		all = append(all, k+"="+v)
	}
	return all
}

// kill kills the process with SIGKILL.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended already
	<-p.done
}

// terminate sends SIGTERM and returns the exit code.
func (p *process) terminate() int {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	return p.wait()
}

// ask sends SIGTERM and does not wait.
func (p *process) ask(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
}

func (p *process) wait() int {
	<-p.done
	return p.cmd.ProcessState.ExitCode()
}

// output collects what a process prints.
type output struct {
	mu    sync.Mutex
	text  strings.Builder
	ready chan string
}

func newOutput() *output { return &output{ready: make(chan string, 1)} }

func (o *output) follow(r io.Reader) {
	address := regexp.MustCompile(`(http://[^\s"]+)/graphql`)
	for lines := bufio.NewScanner(r); lines.Scan(); {
		o.mu.Lock()
		o.text.WriteString(lines.Text() + "\n")
		o.mu.Unlock()
		if m := address.FindStringSubmatch(lines.Text()); m != nil {
			select {
			case o.ready <- m[1]:
			default:
			}
		}
	}
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}
