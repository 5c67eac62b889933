package app

import (
	"math"
	"testing"
	"testing/fstest"

	"rekey/internal/web"
)

func TestMemoryLimit(t *testing.T) {
	const meminfo = "MemTotal:       24684092 kB\nMemFree:         1756956 kB\n"
	files := func(pairs ...string) fstest.MapFS {
		root := fstest.MapFS{}
		for i := 0; i < len(pairs); i += 2 {
			root[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
		}
		return root
	}
	for name, tt := range map[string]struct {
		root    fstest.MapFS
		goLimit int64
		want    uint64
	}{
		"nothing is known": {files(), math.MaxInt64, unknownMemory},
		"machine":          {files("proc/meminfo", meminfo), math.MaxInt64, 24684092 << 10},
		"GOMEMLIMIT":       {files("proc/meminfo", meminfo), 200 << 20, 200 << 20},
		"container":        {files("proc/meminfo", meminfo, "proc/self/cgroup", "0::/\n", "sys/fs/cgroup/memory.max", "536870912\n"), math.MaxInt64, 512 << 20},
		"unlimited":        {files("proc/meminfo", meminfo, "proc/self/cgroup", "0::/\n", "sys/fs/cgroup/memory.max", "max\n"), math.MaxInt64, 24684092 << 10},
		"systemd's slice": {files("proc/meminfo", meminfo, "proc/self/cgroup", "0::/system.slice/rekey.service\n",
			"sys/fs/cgroup/system.slice/memory.max", "1073741824\n", "sys/fs/cgroup/system.slice/rekey.service/memory.max", "max\n"), math.MaxInt64, 1 << 30},
		"version 1": {files("proc/meminfo", meminfo, "proc/self/cgroup", "5:cpu:/\n4:memory:/docker/abc\n0::/\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes", "268435456\n"), math.MaxInt64, 256 << 20},
		"version 1, unlimited": {files("proc/meminfo", meminfo, "proc/self/cgroup", "4:memory:/\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"), math.MaxInt64, 24684092 << 10},
	} {
		if got := memoryLimit(tt.root, tt.goLimit); got != tt.want {
			t.Errorf("%s: %d, want %d", name, got, tt.want)
		}
	}
}

// TestDefaultConnections: little memory still allows some connections, and much
// memory not an unlimited number.
func TestDefaultConnections(t *testing.T) {
	for meminfo, want := range map[string]int{
		"MemTotal: 16384 kB\n": leastConnections, "MemTotal: 524288 kB\n": 4096, "MemTotal: 1073741824 kB\n": mostConnections,
	} {
		got := defaultConnections(fstest.MapFS{"proc/meminfo": &fstest.MapFile{Data: []byte(meminfo)}})
		if got > want || got < leastConnections { // less if few files may be open
			t.Errorf("%s: %d, want %d", meminfo, got, want)
		}
	}
}

// TestStreamLimits: streams and sockets that have not authenticated leave
// connections for requests, also where there are few.
func TestStreamLimits(t *testing.T) {
	for _, tt := range []struct{ maximum, streams, pending int }{{65536, 2000, 256}, {1024, 512, 128}, {256, 128, 32}, {1, 1, 1}} {
		a := &app{connections: web.NewConnections(web.ConnectionOptions{Max: tt.maximum})}
		if got := a.streamLimits(); got.Connections != tt.streams || got.Pending != tt.pending {
			t.Errorf("%d connections: %d streams, %d pending", tt.maximum, got.Connections, got.Pending)
		}
	}
	if got := new(app).streamLimits(); got.Connections != 2000 {
		t.Errorf("a command: %d", got.Connections)
	}
}
