package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
)

// stdStreams are the stdout and the stderr of a process.
type stdStreams struct{ out, err *os.File }

// startWith runs the binary with streams that nobody has to read, and waits
// until it is ready. It returns the addresses of the service and of its metrics.
func startWith(t *testing.T, streams stdStreams, program string, args ...string) (cmd *exec.Cmd, base, metrics string) {
	t.Helper()
	dependOnProgram(t)
	address, admin := freeAddr(t), freeAddr(t)
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	cmd = exec.CommandContext(context.WithoutCancel(t.Context()), program, args...)
	cmd.Env = environment(map[string]string{
		"DATA_DIR": t.TempDir(), "PORT": port, "ADMIN_ADDR": admin, "LOG_FORMAT": "json", "RATE_LIMITS": "off",
	})
	cmd.Dir, cmd.Stdout, cmd.Stderr = t.TempDir(), streams.out, streams.err
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended already
		_ = cmd.Wait()
	})
	base = "http://" + address
	eventually(t, "the service is ready", func() bool {
		res, err := httpClient().Get(base + "/readyz")
		if err != nil {
			return false
		}
		_ = res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
	return cmd, base, "http://" + admin + "/metrics"
}

// manyRequests sends n requests on one connection, each of which leaves a line in
// the log, and requires n answers.
func manyRequests(t *testing.T, base string, n int) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	path := strings.Repeat("/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 3)
	sent := make(chan error, 1)
	go func() {
		w := bufio.NewWriter(conn)
		for range n {
			fmt.Fprintf(w, "GET %s HTTP/1.1\r\nHost: rekey\r\n\r\n", path)
		}
		sent <- w.Flush()
	}()
	answers := bufio.NewReader(conn)
	for i := range n {
		res, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Fatalf("answer %d of %d: %v", i, n, err)
		}
		if _, err := io.Copy(io.Discard, res.Body); err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
}

// osPipe returns both ends of a pipe that the test closes.
func osPipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = r.Close(), w.Close() }) // they may be closed
	return r, w
}

// stalled returns a stream whose reader stopped reading: the pipe is full.
func stalled(t *testing.T) *os.File {
	t.Helper()
	_, w := osPipe(t)
	fill(t, w)
	return w
}

// fill writes to a pipe until it is full.
func fill(t *testing.T, w *os.File) {
	t.Helper()
	fd := int(w.Fd()) // blocking from now on, as a stdout is
	if err := syscall.SetNonblock(fd, true); err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{4096, 1} {
		for {
			if _, err := syscall.Write(fd, bytes.Repeat([]byte("\n"), size)); err != nil {
				break
			}
		}
	}
	if err := syscall.SetNonblock(fd, false); err != nil {
		t.Fatal(err)
	}
}

// gone returns a stream whose reader has ended.
func gone(t *testing.T) *os.File {
	t.Helper()
	r, w := osPipe(t)
	_ = r.Close()
	return w
}

// TestServe_output: the service starts, answers, and stops when it gets a signal,
// also if stdout or stderr stalls, is closed or fails.
func TestServe_output(t *testing.T) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = null.Close() }()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = full.Close() }()
	// The service ignores SIGHUP if it inherits that, as under nohup. A process
	// that handles a signal passes the default on.
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	both := stalled(t)
	closeThem := []string{"sh", "-c", `exec "$0" >&- 2>&-`, binary}
	for name, tt := range map[string]struct {
		streams stdStreams
		program []string // other than the binary
		signal  syscall.Signal
	}{
		"stdout stalls":         {stdStreams{stalled(t), null}, nil, syscall.SIGTERM},
		"stderr stalls":         {stdStreams{null, stalled(t)}, nil, syscall.SIGINT},
		"both stall":            {stdStreams{both, both}, nil, syscall.SIGTERM},
		"stdout's reader ended": {stdStreams{gone(t), null}, nil, syscall.SIGTERM},
		"stderr's reader ended": {stdStreams{null, gone(t)}, nil, syscall.SIGTERM},
		"both readers ended":    {stdStreams{gone(t), gone(t)}, nil, syscall.SIGHUP},
		"both closed":           {stdStreams{}, closeThem, syscall.SIGTERM},
		"the disk is full":      {stdStreams{full, full}, nil, syscall.SIGTERM},
	} {
		t.Run(name, func(t *testing.T) {
			program := append(tt.program, binary)
			if tt.program != nil {
				program = tt.program
			}
			cmd, base, _ := startWith(t, tt.streams, program[0], program[1:]...)
			manyRequests(t, base, 2000)
			c := httpClient()
			mine := signUp(t, c, base, "ada@example.com")
			if got, err := refresh(c, graphqlTransport, base, mine.Refresh, ""); err != nil || got.Problem != "" {
				t.Errorf("refresh: %+v, %v", got, err)
			}
			if err := cmd.Process.Signal(tt.signal); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Wait(); err != nil {
				t.Errorf("after %v: %v", tt.signal, err)
			}
		})
	}
}

// TestServe_outputRecovers: lines that nobody reads are dropped and counted, and
// the log reports how many they were.
func TestServe_outputRecovers(t *testing.T) {
	r, w := osPipe(t)
	fill(t, w)
	cmd, base, metrics := startWith(t, stdStreams{w, w}, binary)
	_ = w.Close() // the process has its own
	const dropped = "rekey_log_lines_dropped_total"
	for scrape(t, metrics)[dropped] == 0 {
		manyRequests(t, base, 5000)
	}
	read := make(chan []byte)
	go func() {
		all, _ := io.ReadAll(r)
		read <- all
	}()
	eventually(t, "the log is read", func() bool { // no further line is dropped
		before := scrape(t, metrics)[dropped]
		manyRequests(t, base, 10)
		return scrape(t, metrics)[dropped] == before
	})
	total := scrape(t, metrics)[dropped]
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	reported, last := 0.0, ""
	for line := range bytes.Lines(bytes.TrimLeft(<-read, "\n")) {
		var entry struct {
			Msg   string
			Lines float64
		}
		if err := json.Unmarshal(line, &entry); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if last = entry.Msg; strings.Contains(last, "lines were dropped") {
			reported += entry.Lines
		}
	}
	if reported != total || last != "stopped" {
		t.Errorf("the log reports %v dropped lines, the metric %v; the last line is %q", reported, total, last)
	}
}

// TestServe_errorPrinted: the reason why a start failed is on stderr, and on
// stdout there is nothing.
func TestServe_errorPrinted(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), binary)
	cmd.Env = environment(map[string]string{"DATA_DIR": t.TempDir(), "PORT": "http"})
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if cmd.ProcessState.ExitCode() != 3 || !strings.HasPrefix(errs.String(), "rekey: the configuration is invalid") || strings.Count(errs.String(), "PORT") != 1 || out.Len() > 0 {
		t.Errorf("%v\nstdout: %s\nstderr: %s", err, out.String(), errs.String())
	}
}

// TestServe_nohup: a process that was started to ignore SIGHUP ignores it.
func TestServe_nohup(t *testing.T) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = null.Close() }()
	cmd, base, _ := startWith(t, stdStreams{null, null}, "nohup", binary)
	if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		manyRequests(t, base, 10)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}
