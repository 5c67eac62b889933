//go:build faults

package fault

import (
	"os"
	"os/signal"
	"syscall"
)

// stop stops this process until somebody continues it. Any thread may take the
// signal, and the others run on for a moment: waiting for SIGCONT makes sure
// that this goroutine does not.
func stop() {
	continued := make(chan os.Signal, 1)
	signal.Notify(continued, syscall.SIGCONT)
	defer signal.Stop(continued)
	_ = syscall.Kill(syscall.Getpid(), syscall.SIGSTOP) // one's own process may always be stopped
	<-continued
}
