package throwaway

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// portTries limits how often a free port is chosen, because another process can
// take a port before the server binds it.
const portTries = 5

// server holds what servers of all kinds have in common: a directory, a port,
// and a process that can be stopped and started again.
type server struct {
	dir   *directory
	port  int
	cred  *syscall.Credential
	env   []string
	proc  *process
	argv  func(port int) []string
	ready func(pid int) error
}

// launch starts the server on a free port and waits until it is ready.
func (s *server) launch() error {
	var err error
	for range portTries {
		if s.port, err = freePort(); err != nil {
			return err
		}
		if err = s.start(); !errors.Is(err, errEnded) {
			return err
		}
	}
	return err
}

// start starts the server on its port and waits until it is ready.
func (s *server) start() error {
	proc, err := startProcess(s.dir.path, logName, s.cred, s.env, s.argv(s.port)...)
	if err != nil {
		return err
	}
	s.proc = proc
	if err := proc.await(func() error { return s.ready(proc.pid()) }); err != nil {
		return fmt.Errorf("%w; its log: %s", err, s.logTail())
	}
	return nil
}

// end stops the server with sig, if it runs.
func (s *server) end(sig syscall.Signal) {
	if s.proc != nil {
		s.proc.stop(sig)
	}
}

// kill kills the server, if it runs.
func (s *server) kill() {
	if s.proc != nil {
		s.proc.kill()
	}
}

// remove kills the server and removes its files.
func (s *server) remove() error {
	s.kill()
	return s.dir.remove()
}

const (
	logName  = "server.log"
	tailSize = 2000
)

// logTail returns the end of the server's log, for error messages.
func (s *server) logTail() string {
	log, err := os.ReadFile(filepath.Join(s.dir.path, logName))
	if err != nil {
		return err.Error()
	}
	return string(log[max(0, len(log)-tailSize):])
}

func (s *server) addr() string { return net.JoinHostPort(loopback, strconv.Itoa(s.port)) }

const loopback = "127.0.0.1"

// Ports are chosen below the range for outgoing connections (on Linux from 32768
// on). An outgoing connection could take a port before a server binds it, or
// while the server is stopped.
const (
	firstPort = 10_000
	portCount = 20_000
)

// freePort returns a loopback port that is free now.
func freePort() (int, error) {
	var err error
	for range 100 {
		port := firstPort + rand.IntN(portCount)
		var l net.Listener
		if l, err = (&net.ListenConfig{}).Listen(context.Background(), "tcp", net.JoinHostPort(loopback, strconv.Itoa(port))); err == nil {
			return port, l.Close()
		}
	}
	return 0, fmt.Errorf("find a free port: %w", err)
}
