//go:build faults

package fault

import (
	"os"
	"os/signal"
	"syscall"
)

// stop stops this process until it receives SIGCONT. Any thread may receive the
// signal, and the others continue for a moment; this goroutine waits for SIGCONT,
// so it does not.
func stop() {
	continued := make(chan os.Signal, 1)
	signal.Notify(continued, syscall.SIGCONT)
	defer signal.Stop(continued)
	_ = syscall.Kill(syscall.Getpid(), syscall.SIGSTOP) // a process may always stop itself
	<-continued
}
