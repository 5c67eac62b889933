package throwaway

import (
	"context"
	"errors"
	"net"
	"strconv"
	"syscall"
	"time"
)

// Program describes how to start a server of any kind.
type Program struct {
	// Argv returns its command line. dir is its own directory, which Close
	// removes.
	Argv func(dir string, port int) []string
	// Env returns its environment in addition to PATH, LC_ALL and TZ.
	Env func(dir string, port int) []string
	// Ready returns nil if it answers at addr.
	Ready func(ctx context.Context, addr string) error
}

// ProgramServer is a running [Program]. It ends with the process that opened it.
type ProgramServer struct{ s *server }

// OpenProgram starts a program on a free loopback port and waits until it is
// ready. The caller closes it.
func OpenProgram(p Program) (*ProgramServer, error) {
	dir, err := newDirectory("", nil)
	if err != nil {
		return nil, err
	}
	s := &server{dir: dir}
	s.argv = func(port int) []string {
		s.env = p.Env(dir.path, port)
		return p.Argv(dir.path, port)
	}
	s.ready = func(int) error {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		return p.Ready(ctx, s.addr())
	}
	if err := s.launch(); err != nil {
		return nil, errors.Join(err, s.remove())
	}
	return &ProgramServer{s: s}, nil
}

// Addr returns host:port, which stays the same after a restart.
func (p *ProgramServer) Addr() string { return p.s.addr() }

// PID returns the id of the program's process.
func (p *ProgramServer) PID() int { return p.s.proc.pid() }

// LogFile returns the path of the program's log, which restarts continue.
func (p *ProgramServer) LogFile() string { return p.s.logFile() }

// Start starts the program again after it has ended, and waits until it is
// ready.
func (p *ProgramServer) Start() error { return p.s.startAgain() }

// Kill kills the program with SIGKILL, even if it is stopped.
func (p *ProgramServer) Kill() { p.s.kill() }

// Signal sends a signal such as SIGSTOP.
func (p *ProgramServer) Signal(sig syscall.Signal) { p.s.signal(sig) }

// Ended returns a channel that is closed when the program has ended.
func (p *ProgramServer) Ended() <-chan struct{} { return p.s.proc.done }

// Close kills the program and removes its directory.
func (p *ProgramServer) Close() error { return p.s.remove() }

// FreeAddr returns a loopback host:port that is free now.
func FreeAddr() (string, error) {
	port, err := freePort()
	return net.JoinHostPort(loopback, strconv.Itoa(port)), err
}
