package throwaway

import (
	"context"
	"errors"
	"net"
	"strconv"
	"syscall"
	"time"
)

// Program is a server that this package knows nothing of.
type Program struct {
	// Argv is its command line. dir is its own directory, removed at Close.
	Argv func(dir string, port int) []string
	// Env is its environment, on top of PATH, LC_ALL and TZ.
	Env func(dir string, port int) []string
	// Ready is nil once it answers at addr.
	Ready func(ctx context.Context, addr string) error
}

// ProgramServer is a running [Program], ended with the process that opened it.
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

// Addr returns host:port; the same after a restart.
func (p *ProgramServer) Addr() string { return p.s.addr() }

// PID is the program's process.
func (p *ProgramServer) PID() int { return p.s.proc.pid() }

// LogFile is what the program writes to, kept over restarts.
func (p *ProgramServer) LogFile() string { return p.s.logFile() }

// Start starts the program again when it has ended, and waits until it is ready.
func (p *ProgramServer) Start() error { return p.s.startAgain() }

// Kill ends the program by SIGKILL, also one that is stopped.
func (p *ProgramServer) Kill() { p.s.kill() }

// Signal sends a signal such as SIGSTOP.
func (p *ProgramServer) Signal(sig syscall.Signal) { p.s.signal(sig) }

// Ended is closed when the program has ended, however it did.
func (p *ProgramServer) Ended() <-chan struct{} { return p.s.proc.done }

// Close kills the program and removes its directory.
func (p *ProgramServer) Close() error { return p.s.remove() }

// FreeAddr returns a loopback host:port where nobody listens at this moment.
func FreeAddr() (string, error) {
	port, err := freePort()
	return net.JoinHostPort(loopback, strconv.Itoa(port)), err
}
