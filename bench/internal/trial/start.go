package trial

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"rekey/bench/internal/bed"
	"rekey/bench/internal/meter"
	"rekey/internal/test/throwaway"
)

const (
	starts        = 5
	startSessions = 1000
	startPatience = 30 * time.Second
	look          = time.Millisecond // between two checks whether it answers
)

// Start measures starts on SQLite, without and with data.
func (r Rig) Start(ctx context.Context) (*Start, error) {
	out := &Start{Source: r.Source}
	var first, again []time.Duration
	dir := filepath.Join(r.Dir, "start")
	if err := r.seedSQLite(ctx, dir, startSessions); err != nil {
		return nil, err
	}
	for i := range starts {
		took, _, err := r.startOnce(ctx, filepath.Join(r.Dir, "first"+strconv.Itoa(i)), 0)
		if err != nil {
			return nil, err
		}
		first = append(first, took)
		if took, out.Idle, err = r.startOnce(ctx, dir, settle); err != nil {
			return nil, err
		}
		again = append(again, took)
	}
	same := func(d time.Duration) time.Duration { return d }
	out.First, out.Again = median(first, same), median(again, same)
	r.Say("start: %v without data, %v with, %.1f MiB idle", out.First, out.Again, float64(out.Idle.Now)/(1<<20))
	return out, r.sizes(ctx, out)
}

// startOnce starts the binary. After the first answer it leaves the server idle
// for a while and stops it.
func (r Rig) startOnce(ctx context.Context, dir string, leave time.Duration) (took time.Duration, rss meter.Memory, err error) {
	addr, err := throwaway.FreeAddr()
	if err != nil {
		return 0, rss, err
	}
	_, portText, _ := net.SplitHostPort(addr) // the address comes from throwaway
	port, _ := strconv.Atoi(portText)
	cmd := exec.CommandContext(ctx, r.Binary.Path)
	cmd.Env = append(os.Environ(), r.Binary.Env(dir, port)...)
	begun := r.Now()
	if err := cmd.Start(); err != nil {
		return 0, rss, fmt.Errorf("starting rekey: %w", err)
	}
	defer func() {
		err = errors.Join(err, cmd.Process.Signal(syscall.SIGTERM), cmd.Wait())
	}()
	for bed.IsReady(ctx, addr) != nil {
		if took = r.Now().Sub(begun); took > startPatience {
			return took, rss, errors.New("rekey does not answer")
		}
		if err := pause(ctx, look); err != nil {
			return took, rss, err
		}
	}
	took = r.Now().Sub(begun)
	if err := pause(ctx, leave); err != nil {
		return took, rss, err
	}
	rss, err = meter.RSS(cmd.Process.Pid)
	return took, rss, err
}

// sizes measures the binary, and builds it a second time with debug information.
func (r Rig) sizes(ctx context.Context, out *Start) error {
	plain := filepath.Join(r.Dir, "plain")
	text, err := exec.CommandContext(ctx, "go", "build", "-o", plain, "rekey").CombinedOutput()
	if err != nil {
		return fmt.Errorf("go build: %w: %s", err, text)
	}
	for path, size := range map[string]*int64{plain: &out.Binary, r.Binary.Path: &out.Stripped} {
		info, err := os.Stat(path)
		if err != nil {
			return fmt.Errorf("looking at the binary: %w", err)
		}
		*size = info.Size()
	}
	return nil
}
