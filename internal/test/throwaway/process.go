package throwaway

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"time"
)

const (
	startTimeout = 3 * time.Minute // a machine may be slow; on a fast machine the limit costs nothing
	stopTimeout  = time.Minute
	poll         = 5 * time.Millisecond
)

// process is one running server.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when the server has ended and was waited for
}

// startProcess starts argv in dir with env added to a minimal environment and
// with its output in logFile, as the user of cred (nil: the current user).
func startProcess(dir, logFile string, cred *syscall.Credential, env []string, argv ...string) (*process, error) {
	out, err := os.OpenFile(filepath.Join(dir, logFile), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the server's log: %w", err)
	}
	defer func() { _ = out.Close() }()                                     // the child has its own copy
	cmd := exec.CommandContext(context.Background(), argv[0], argv[1:]...) // stop or kill ends it later
	cmd.Dir = dir
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}, env...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = childAttr(cred)
	p := &process{cmd: cmd, done: make(chan struct{})}
	started := make(chan error)
	go p.run(started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", filepath.Base(argv[0]), err)
	}
	return p, nil
}

// run starts the child and waits for it on a dedicated thread. The parent-death
// signal is sent when the thread that forked ends, not when the process ends,
// and Go ends idle threads.
func (p *process) run(started chan<- error) {
	runtime.LockOSThread()
	err := p.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	_ = p.cmd.Wait() // the exit status does not matter: it was asked to end, or the log says why
	close(p.done)
}

func (p *process) pid() int { return p.cmd.Process.Pid }

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// stop sends sig, and kills the server if it does not end.
func (p *process) stop(sig syscall.Signal) {
	if p.ended() {
		return
	}
	_ = p.cmd.Process.Signal(sig) // it may have ended in between
	select {
	case <-p.done:
	case <-time.After(stopTimeout):
		p.kill()
	}
}

// kill kills the server and all its children, and waits until they have ended.
// It lists the children individually, because Postgres gives each of its
// children a process group. It stops the server first, so that it starts no more
// children.
func (p *process) kill() {
	if p.ended() {
		return
	}
	_ = syscall.Kill(p.pid(), syscall.SIGSTOP)
	_ = every(stopTimeout, func() bool { return p.ended() || stopped(p.pid()) })
	children := childrenOf(p.pid())
	_ = syscall.Kill(-p.pid(), syscall.SIGKILL)
	<-p.done
	for _, child := range children {
		_ = syscall.Kill(child, syscall.SIGKILL)
	}
	_ = every(stopTimeout, func() bool { // the worst consequence is a failing restart
		return !slices.ContainsFunc(children, alive)
	})
}

// signalAll sends a signal to the server, and then to its children.
func (p *process) signalAll(sig syscall.Signal) {
	_ = syscall.Kill(p.pid(), sig) // it may have ended
	if sig == syscall.SIGSTOP {
		_ = every(stopTimeout, func() bool { return p.ended() || stopped(p.pid()) })
	}
	for _, child := range childrenOf(p.pid()) {
		_ = syscall.Kill(child, sig)
	}
}

// every polls until done returns true. It returns false after limit.
func every(limit time.Duration, done func() bool) bool {
	up := time.After(limit)
	for !done() {
		select {
		case <-time.After(poll):
		case <-up:
			return false
		}
	}
	return true
}

// await polls ready until it returns nil, the process ends or the time is up.
func (p *process) await(ready func() error) error {
	var err error
	inTime := every(startTimeout, func() bool {
		err = ready()
		return err == nil || p.ended()
	})
	switch {
	case err == nil:
		return nil
	case inTime:
		return errEnded
	}
	p.kill()
	return fmt.Errorf("not ready after %v: %w", startTimeout, err)
}

// errEnded is returned if the server ends at once, for example because its port
// is taken.
var errEnded = errors.New("the server ended while starting")

// alive reports whether a process exists. Zombies do not count: run waits for
// our own, and init for those of Postgres.
func alive(pid int) bool { return syscall.Kill(pid, 0) == nil && !zombie(pid) }
