package world

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"

	"rekey/internal/test/throwaway"
)

// Replica is one process of the real binary.
type Replica struct {
	Number   int
	Postgres *Proxy // between it and Postgres
	Redis    *Proxy // between it and Redis; nil if it connects to a cluster
	control  string // host:port of its fault API
	admin    string // host:port of its metrics
	server   *throwaway.ProgramServer
}

// Base returns its URL.
func (r *Replica) Base() string { return "http://" + r.server.Addr() }

// Kill kills it with SIGKILL.
func (r *Replica) Kill() { r.server.Kill() }

// Terminate sends SIGTERM.
func (r *Replica) Terminate() { r.server.Signal(syscall.SIGTERM) }

// Start starts it again after it has ended.
func (r *Replica) Start() error { return r.server.Start() }

// Stop stops it with SIGSTOP; Continue continues it.
func (r *Replica) Stop() { r.server.Signal(syscall.SIGSTOP) }

// Continue continues it after Stop, or after it has stopped itself.
func (r *Replica) Continue() { r.server.Signal(syscall.SIGCONT) }

// Ended returns a channel that is closed when it has ended.
func (r *Replica) Ended() <-chan struct{} { return r.server.Ended() }

// LogFile returns the file with its output since its first start.
func (r *Replica) LogFile() string { return r.server.LogFile() }

// The failpoints, in the order in which a refresh passes them.
const (
	BeforeNote      = "before-note"
	BeforeSwap      = "before-swap"
	AfterCommit     = "after-commit"
	BeforeFirstByte = "before-first-byte"
	MidBody         = "mid-body"
)

// Arm makes a failpoint kill or stop the process at its nth hit from now.
func (r *Replica) Arm(ctx context.Context, point, action string, nth int) error {
	return r.put(ctx, "/point", map[string]any{"name": point, "action": action, "nth": nth})
}

// Shift sets the skew of its clock.
func (r *Replica) Shift(ctx context.Context, offset time.Duration) error {
	return r.put(ctx, "/clock", map[string]any{"offset": offset.String()})
}

func (r *Replica) put(ctx context.Context, path string, body any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("fault API: %w", err)
	}
	return call(ctx, http.MethodPut, "http://"+r.control+path, text, nil)
}

// Readiness holds an answer of /readyz.
type Readiness struct {
	Status string
	Checks map[string]string
}

// Ready returns its readiness.
func (r *Replica) Ready(ctx context.Context) (Readiness, error) {
	var ready Readiness
	err := call(ctx, http.MethodGet, r.Base()+"/readyz", nil, &ready)
	return ready, err
}

var errStatus = errors.New("unexpected status")

const callTimeout = 10 * time.Second

// call sends one request. If into is not nil, the body is decoded whatever the
// status is.
func call(ctx context.Context, method, url string, body []byte, into any) error {
	text, status, err := fetch(ctx, method, url, body)
	if err != nil {
		return err
	}
	if into != nil {
		return json.Unmarshal(text, into)
	}
	if status != http.StatusOK {
		return fmt.Errorf("%s %s: %w %d: %s", method, url, errStatus, status, text)
	}
	return nil
}

// fetch sends one request on a connection of its own.
func fetch(ctx context.Context, method, url string, body []byte) (text []byte, status int, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return nil, 0, fmt.Errorf("%s %s: %w", method, url, err)
	}
	req.Close = true
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, 0, fmt.Errorf("%s %s: %w", method, url, err)
	}
	defer func() { _ = res.Body.Close() }()
	if text, err = io.ReadAll(res.Body); err != nil {
		return nil, 0, fmt.Errorf("%s %s: %w", method, url, err)
	}
	return text, res.StatusCode, nil
}

// newReplica starts a replica with env in addition to the common settings.
func newReplica(number int, binary, control string, env []string) (*throwaway.ProgramServer, error) {
	s, err := throwaway.OpenProgram(throwaway.Program{
		Argv: func(string, int) []string { return []string{binary} },
		Env: func(_ string, port int) []string {
			return append([]string{"HOST=127.0.0.1", "PORT=" + strconv.Itoa(port), "FAULT_ADDR=" + control,
				"RATE_LIMITS=off", "LOG_FORMAT=json"}, env...)
		},
		Ready: func(ctx context.Context, addr string) error {
			return call(ctx, http.MethodGet, "http://"+addr+"/livez", nil, nil)
		},
	})
	if err != nil {
		return nil, fmt.Errorf("starting replica %d: %w", number, err)
	}
	return s, nil
}

func hostPort(addr string) (host, port string) {
	host, port, _ = net.SplitHostPort(addr) // the address is our own
	return host, port
}
