//go:build !linux

package throwaway

import "syscall"

// childAttr puts a child into a process group of its own. There is no signal
// for a parent's death here: a killed test binary leaves its servers.
func childAttr(cred *syscall.Credential) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Credential: cred}
}

// childrenOf knows none: Postgres' own end by themselves soon after their parent.
func childrenOf(int) []int { return nil }

func zombie(int) bool { return false }

// stopped does not know either.
func stopped(int) bool { return true }
