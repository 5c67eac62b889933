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
	startTimeout = 3 * time.Minute // a machine may be slow: patience costs nothing when all is well
	stopTimeout  = time.Minute
	poll         = 5 * time.Millisecond
)

// process is one running server.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when the server has ended and was waited for
}

// startProcess starts argv in dir with env on top of a bare environment, its
// output going to logFile, as the user of cred (nil: as we are).
func startProcess(dir, logFile string, cred *syscall.Credential, env []string, argv ...string) (*process, error) {
	out, err := os.OpenFile(filepath.Join(dir, logFile), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the server's log: %w", err)
	}
	defer func() { _ = out.Close() }()                                     // the child has its own
	cmd := exec.CommandContext(context.Background(), argv[0], argv[1:]...) // it is ended by stop or kill, later than any test's context
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

// run starts the child and waits for it on one thread that is kept for it: the
// parent-death signal is sent when the thread that forked ends, not when the
// process does, and Go ends idle threads as it likes.
func (p *process) run(started chan<- error) {
	runtime.LockOSThread()
	err := p.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	_ = p.cmd.Wait() // how it ended does not matter: it was told to, or the log says why
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

// stop asks the server to end by sig, and kills it when it does not.
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

// kill ends the server and all its children at once, and waits until they are
// gone. The children are listed one by one because Postgres gives each of its
// own a process group; it is stopped before, so that it has no more of them
// meanwhile.
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
	_ = every(stopTimeout, func() bool { // the worst that can come of it is a failing restart
		return !slices.ContainsFunc(children, alive)
	})
}

// every polls until done says so; false when time is up before.
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

// await polls ready until it answers nil, the process ends or time is up.
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

// errEnded is how a taken port shows itself: the server ends at once.
var errEnded = errors.New("the server ended while starting")

// alive reports whether a process is there. A zombie of ours is waited for by
// run; those of Postgres by init.
func alive(pid int) bool { return syscall.Kill(pid, 0) == nil && !zombie(pid) }
