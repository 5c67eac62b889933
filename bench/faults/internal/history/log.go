package history

import (
	"crypto/sha256"
	"slices"
	"sync"
	"time"
)

// Log collects records. It is safe for concurrent use.
type Log struct {
	now   func() time.Time
	begun time.Time

	mu      sync.Mutex
	records []Record
}

// NewLog returns an empty log that begins now. The times that now returns must
// contain a monotonic reading.
func NewLog(now func() time.Time) *Log { return &Log{now: now, begun: now()} }

// Now returns the time since the log was begun.
func (l *Log) Now() time.Duration { return l.now().Sub(l.begun) }

// Add keeps a record.
func (l *Log) Add(r Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.records = append(l.records, r)
}

// All returns all records so far, ordered by their ends.
func (l *Log) All() []Record {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.records)
}

// ordered limits how far records can be out of order. The log is nearly sorted
// by End, because each record is added when it ends.
const ordered = time.Second

// Since returns the records that ended at or after from.
func (l *Log) Since(from time.Duration) []Record {
	l.mu.Lock()
	defer l.mu.Unlock()
	first := len(l.records)
	for first > 0 && l.records[first-1].End >= from-ordered {
		first--
	}
	recent := make([]Record, 0, len(l.records)-first)
	for _, r := range l.records[first:] {
		if r.End >= from {
			recent = append(recent, r)
		}
	}
	return recent
}

// PrintOf returns the print of a text.
func PrintOf(text string) Print {
	sum := sha256.Sum256([]byte(text))
	return Print(sum[:8])
}
