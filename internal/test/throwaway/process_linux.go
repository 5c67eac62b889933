package throwaway

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// childAttr puts a child into a process group of its own. The kernel kills it
// when the test binary dies for any reason.
func childAttr(cred *syscall.Credential) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL, Credential: cred}
}

// childrenOf lists the direct children of a process.
func childrenOf(pid int) []int {
	var children []int
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		if fields := statFields(path); len(fields) > 1 && string(fields[1]) == strconv.Itoa(pid) {
			child, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			children = append(children, child)
		}
	}
	return children
}

func zombie(pid int) bool { return state(pid) == "Z" }

// stopped reports whether a process is stopped by a signal or has ended.
func stopped(pid int) bool {
	s := state(pid)
	return s == "T" || s == "Z" || s == ""
}

// state returns the letter that proc(5) defines for the state of a process, or
// "" if it has ended.
func state(pid int) string {
	fields := statFields(fmt.Sprintf("/proc/%d/stat", pid))
	if len(fields) == 0 {
		return ""
	}
	return string(fields[0])
}

// statFields returns the fields of a stat file from the state on. The name
// before it is in brackets and may itself contain spaces and brackets.
func statFields(path string) [][]byte {
	stat, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	return bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
}
