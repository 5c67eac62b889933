package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// reader is the destination of a log. It accepts one write for each value of
// accept, and fails if the value is an error.
type reader struct {
	accept chan error
	mu     sync.Mutex
	text   bytes.Buffer
}

func newReader() *reader { return &reader{accept: make(chan error)} }

// Write waits. With an error it writes half of p.
func (r *reader) Write(p []byte) (int, error) {
	err := <-r.accept
	if err != nil {
		p = p[:len(p)/2]
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	n, _ := r.text.Write(p)
	return n, err
}

// recover lets all further writes succeed.
func (r *reader) recover() { close(r.accept) }

func (r *reader) lines() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.SplitAfter(strings.TrimSuffix(r.text.String(), "\n"), "\n")
}

func reportOf(dropped int) []byte { return fmt.Appendf(nil, "dropped %d\n", dropped) }

func TestLogQueue(t *testing.T) {
	t.Run("Order", func(t *testing.T) {
		r := newReader()
		r.recover()
		q := NewLogQueue(r, reportOf)
		for i := range 1000 {
			fmt.Fprintf(q, "line %d\n", i)
		}
		q.Close(time.Minute)
		got := r.lines()
		for i, line := range got {
			if strings.TrimSpace(line) != fmt.Sprintf("line %d", i) {
				t.Fatalf("line %d is %q", i, line)
			}
		}
		if len(got) != 1000 || q.Dropped() != 0 {
			t.Errorf("%d lines, %d dropped", len(got), q.Dropped())
		}
	})

	for name, tt := range map[string]struct {
		line string
		sent int
	}{
		"StalledByLines": {"a\n", 3 * maxQueuedLines},
		"StalledByBytes": {strings.Repeat("a", 64<<10) + "\n", 3 * maxQueuedBytes / (64 << 10)},
	} {
		t.Run(name, func(t *testing.T) {
			line, sent := tt.line, tt.sent
			r := newReader()
			q := NewLogQueue(r, reportOf)
			for range sent {
				fmt.Fprint(q, line) // must not block
			}
			dropped := int(q.Dropped())
			if waiting := (sent - dropped) * len(line); waiting > 2*maxQueuedBytes || dropped < sent/3 {
				t.Errorf("%d bytes wait, %d lines were dropped", waiting, dropped)
			}
			r.recover()
			q.Close(time.Minute)
			// Each batch has its own report: the queue may begin one after drops.
			written, reported := 0, 0
			for _, line := range r.lines() {
				n := 0
				if _, err := fmt.Sscanf(line, "dropped %d", &n); err != nil {
					written++
				}
				reported += n
			}
			if written != sent-dropped || reported != dropped {
				t.Errorf("%d lines were written and %d reported as dropped, want %d and %d", written, reported, sent-dropped, dropped)
			}
		})
	}

	t.Run("Refused", func(t *testing.T) {
		r := newReader()
		q := NewLogQueue(r, reportOf)
		fmt.Fprint(q, "first line\n")
		r.accept <- errors.New("no space") // after half a line
		fmt.Fprint(q, "second line\n")
		r.accept <- errors.New("no space") // instead of the end of the half line
		for deadline := time.After(time.Minute); q.Dropped() < 2; {
			select {
			case <-deadline:
				t.Fatalf("%d lines dropped", q.Dropped())
			default:
			}
		}
		fmt.Fprint(q, "third line\n")
		r.recover()
		q.Close(time.Minute)
		got := r.lines()
		if n := len(got); n < 3 || got[0] != "first\n" || got[n-2] != "third line\n" || got[n-1] != "dropped 2" {
			t.Errorf("%q", got)
		}
	})

	t.Run("CloseIsBounded", func(_ *testing.T) {
		q := NewLogQueue(newReader(), reportOf) // never read
		fmt.Fprint(q, "line\n")
		q.Close(time.Millisecond)
		fmt.Fprint(q, "after the end\n")
	})
}

func TestReportDropped(t *testing.T) {
	var line struct {
		Level, Msg string
		Lines      int
	}
	if err := json.Unmarshal(ReportDropped("json")(7), &line); err != nil || line.Level != "WARN" || line.Lines != 7 || line.Msg == "" {
		t.Errorf("%+v, %v", line, err)
	}
	if text := string(ReportDropped("text")(7)); !strings.Contains(text, "level=WARN") || !strings.Contains(text, "lines=7\n") {
		t.Error(text)
	}
}
