package meter

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of CPU time in /proc/PID/stat, on every Linux that Go runs on.
const tick = 10 * time.Millisecond

// Fields of /proc/PID/stat, counted from the one after the name (proc(5)).
const (
	parentField = 1
	userField   = 11
	systemField = 12
	gone        = 2 // distance from a process' own time to the time of the children that it has waited for
)

// CPU returns the CPU time of a process.
func CPU(pid int) (time.Duration, error) {
	fields, err := stat(pid)
	if err != nil {
		return 0, err
	}
	return ticks(fields, userField) + ticks(fields, systemField), nil
}

// TreeCPU returns the CPU time of a process and its children, including those
// that have ended.
func TreeCPU(pid int) (time.Duration, error) {
	fields, err := stat(pid)
	if err != nil {
		return 0, err
	}
	sum := ticks(fields, userField) + ticks(fields, systemField) + ticks(fields, userField+gone) + ticks(fields, systemField+gone)
	paths, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range paths {
		id, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		child, err := stat(id)
		if err != nil || string(child[parentField]) != strconv.Itoa(pid) {
			continue // the process has ended or belongs to another user
		}
		sum += ticks(child, userField) + ticks(child, systemField)
	}
	return sum, nil
}

func ticks(fields [][]byte, i int) time.Duration {
	n, _ := strconv.ParseInt(string(fields[i]), 10, 64)
	return time.Duration(n) * tick
}

func stat(pid int) ([][]byte, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil, fmt.Errorf("reading what a process used: %w", err)
	}
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if len(fields) <= systemField+gone {
		return nil, fmt.Errorf("process %d: stat has %d fields", pid, len(fields))
	}
	return fields, nil
}

// Memory holds the resident set of a process, in bytes.
type Memory struct{ Now, Peak int64 }

// RSS reads a process' memory.
func RSS(pid int) (Memory, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return Memory{}, fmt.Errorf("reading a process' memory: %w", err)
	}
	return Memory{Now: kibibytes(string(text), "VmRSS:"), Peak: kibibytes(string(text), "VmHWM:")}, nil
}

func kibibytes(status, name string) int64 {
	_, after, _ := strings.Cut(status, name)
	line, _, _ := strings.Cut(after, "\n")
	n, _ := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(line, "kB")), 10, 64)
	return n << 10
}
