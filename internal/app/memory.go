package app

import (
	"bufio"
	"io/fs"
	"math"
	slash "path"
	"runtime/debug"
	"strconv"
	"strings"

	"rekey/internal/doctor"
)

const (
	// memoryPerConnection is the memory that this process may use for each
	// connection. A connection costs some 20 KiB, and more while it sends a request.
	memoryPerConnection = 128 << 10
	leastConnections    = 256
	mostConnections     = 1 << 16
	// unknownMemory is assumed where the memory cannot be read.
	unknownMemory = 1 << 30
)

// defaultConnections returns the maximum number of connections for the memory and
// the open files that this process may use. root is the root directory.
func defaultConnections(root fs.FS) int {
	n := min(max(leastConnections, memoryLimit(root, debug.SetMemoryLimit(-1))/memoryPerConnection), mostConnections)
	if files, err := doctor.OpenFilesLimit(); err == nil {
		n = min(n, max(1, files/4*3))
	}
	return int(n)
}

// memoryLimit returns the smallest of the limits on the memory of this process:
// the machine's memory, those of its control groups, and GOMEMLIMIT.
func memoryLimit(root fs.FS, goLimit int64) uint64 {
	limit := uint64(math.MaxUint64)
	if goLimit > 0 && goLimit != math.MaxInt64 {
		limit = uint64(goLimit)
	}
	for _, file := range memoryFiles(root) {
		if text, err := fs.ReadFile(root, file); err == nil {
			if n, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64); err == nil && n > 0 {
				limit = min(limit, n)
			}
		}
	}
	total := uint64(unknownMemory)
	if text, err := fs.ReadFile(root, "proc/meminfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "MemTotal:" {
				if kib, err := strconv.ParseUint(fields[1], 10, 54); err == nil {
					total = kib << 10
				}
			}
		}
	}
	return min(limit, total)
}

// memoryFiles returns the files that may contain the limits of this process's
// control groups, of both versions, and of the groups that contain them.
func memoryFiles(root fs.FS) (files []string) {
	f, err := root.Open("proc/self/cgroup")
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }() // it was only read
	for lines := bufio.NewScanner(f); lines.Scan(); {
		// hierarchy:controllers:path
		parts := strings.SplitN(lines.Text(), ":", 3)
		if len(parts) < 3 {
			continue
		}
		dir, file := "sys/fs/cgroup", "memory.max"
		switch parts[1] {
		case "":
		case "memory":
			dir, file = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
		default:
			continue
		}
		for group := slash.Clean("/" + parts[2]); ; group = slash.Dir(group) {
			files = append(files, slash.Join(dir, group, file))
			if group == "/" {
				break
			}
		}
	}
	return files
}
