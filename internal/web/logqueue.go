package web

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"sync"
	"time"
)

const (
	maxQueuedLines = 1 << 14
	maxQueuedBytes = 4 << 20
	// maxKeptBytes is the largest buffer that is kept for the next lines.
	maxKeptBytes = 64 << 10
)

// LogQueue is a writer that never blocks and never fails. A goroutine writes the
// lines to the destination. While the destination does not accept them, at most
// 16,384 lines or 4 MiB wait; further lines are dropped and counted, so that a
// stalled reader of the log does not stop the service.
//
// Each call of Write must pass whole lines, as handlers of slog do. It is safe
// for concurrent use.
type LogQueue struct {
	to     io.Writer
	report func(dropped int) []byte
	done   chan struct{} // closed when the goroutine has ended

	mu      sync.Mutex
	work    *sync.Cond // there are lines, or the queue is closed
	waiting []byte     // lines that are written next
	lines   int        // in waiting
	closed  bool
	dropped int    // lines since the last report
	total   uint64 // lines that were dropped since the start
}

// NewLogQueue returns a queue in front of a writer. When the writer accepts
// lines again after some were dropped, it first gets the line that report
// returns for their number.
func NewLogQueue(to io.Writer, report func(dropped int) []byte) *LogQueue {
	q := &LogQueue{to: to, report: report, done: make(chan struct{})}
	q.work = sync.NewCond(&q.mu)
	go q.run()
	return q
}

// ReportDropped returns a report for NewLogQueue: a line in the format of the
// log. No level of the log hides it.
func ReportDropped(format string) func(dropped int) []byte {
	return func(dropped int) []byte {
		var line bytes.Buffer
		NewLogger(&line, format, slog.LevelWarn).Warn("log lines were dropped because their reader did not read them", "lines", dropped)
		return line.Bytes()
	}
}

// Write queues lines, or drops them if the queue is full or closed.
func (q *LogQueue) Write(p []byte) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := countLines(p)
	if q.closed || q.lines+n > maxQueuedLines || len(q.waiting)+len(p) > maxQueuedBytes {
		q.drop(n)
		return len(p), nil
	}
	q.waiting = append(q.waiting, p...)
	q.lines += n
	q.work.Signal()
	return len(p), nil
}

// Dropped returns how many lines were dropped since the start, including those
// that the destination refused.
func (q *LogQueue) Dropped() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.total
}

// Close waits until the queued lines are written, at most for the timeout. Lines
// that come later are dropped.
func (q *LogQueue) Close(timeout time.Duration) {
	q.mu.Lock()
	q.closed = true
	q.work.Signal()
	q.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	select {
	case <-q.done:
	case <-ctx.Done():
	}
}

// count adds lines to those that the next report counts.
func (q *LogQueue) count(lines int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.drop(lines)
}

// drop is count for a caller that holds the lock.
func (q *LogQueue) drop(lines int) {
	q.dropped += lines
	q.total += uint64(max(0, lines))
}

// run writes lines until the queue is closed and empty.
func (q *LogQueue) run() {
	defer close(q.done)
	torn := false // the last write failed in the middle of a line
	for lines, dropped, ok := q.next(nil); ok; lines, dropped, ok = q.next(lines) {
		log := len(lines)
		if dropped > 0 {
			lines = append(lines, q.report(dropped)...)
		}
		var n int
		var err error
		if torn {
			_, err = q.to.Write([]byte("\n"))
		}
		if err == nil {
			torn = false
			n, err = q.to.Write(lines)
		}
		if err == nil {
			q.count(-dropped)
			continue
		}
		// The next report includes these lines.
		q.count(countLines(lines[min(n, log):log]))
		if n > 0 {
			torn = lines[n-1] != '\n'
		}
	}
}

// next waits for lines and returns them, and how many were dropped after them.
// It reuses the buffer of earlier lines. It returns false if the queue is closed
// and empty.
func (q *LogQueue) next(written []byte) (lines []byte, dropped int, ok bool) {
	if cap(written) > maxKeptBytes {
		written = nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.waiting) == 0 && !q.closed {
		q.work.Wait()
	}
	lines, q.waiting, q.lines = q.waiting, written[:0], 0
	return lines, q.dropped, len(lines) > 0
}

func countLines(p []byte) int { return bytes.Count(p, []byte("\n")) }
