//go:build !linux

package throwaway

import "syscall"

// childAttr puts a child into a process group of its own. This system has no
// signal for a parent's death, so a killed test binary leaves its servers
// behind.
func childAttr(cred *syscall.Credential) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Credential: cred}
}

// childrenOf returns nil. Postgres' children end by themselves soon after their
// parent.
func childrenOf(int) []int { return nil }

func zombie(int) bool { return false }

// stopped returns true, because it cannot find out.
func stopped(int) bool { return true }
