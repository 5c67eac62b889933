package stream

import (
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"time"

	"rekey/internal/auth"
)

const (
	// logLimit is how many changes a follower may be behind: 30 MB for all
	// followers together. A follower further behind is disconnected.
	logLimit = 100_000
	// recentLimit bounds the changes that are remembered so as not to be sent
	// twice, those of some 130 s: 60 MB. Changes beyond it are sent again.
	recentLimit = 1_000_000
)

// changeLog holds what followers have not read yet, once for all of them. Each
// follower has an offset in it.
type changeLog struct {
	limit   int
	changes []auth.Change
	first   int64 // the offset of the first change
}

// end returns the offset of the next change.
func (l *changeLog) end() int64 { return l.first + int64(len(l.changes)) }

// add drops the oldest change if the log is full.
func (l *changeLog) add(c auth.Change) {
	if len(l.changes) >= l.limit {
		l.trim(l.first + 1)
	}
	l.changes = append(l.changes, c)
}

// from returns the changes from an offset on, at most limit.
func (l *changeLog) from(offset int64, limit int) []auth.Change {
	some := l.changes[offset-l.first:]
	return some[:min(len(some), limit)]
}

// trim drops the changes before an offset.
func (l *changeLog) trim(offset int64) {
	n := offset - l.first
	clear(l.changes[:n])
	l.changes, l.first = l.changes[n:], offset
	if len(l.changes) == 0 {
		l.changes = nil
	}
}

// recentChanges remembers which changes were sent.
type recentChanges struct {
	limit int
	at    map[changeID]int64 // microseconds
}

func newRecentChanges() recentChanges {
	return recentChanges{limit: recentLimit, at: map[changeID]int64{}}
}

// changeID is half of a SHA-256 over what identifies a change.
type changeID [16]byte

// add returns false if a change was added before. Otherwise it adds the change,
// unless the limit is reached, and returns true.
func (r recentChanges) add(c auth.Change) bool {
	b := make([]byte, 0, 128)
	b = append(b, c.Kind...)
	b = append(b, 0)
	b = append(b, c.SessionID...)
	b = append(b, 0)
	b = binary.BigEndian.AppendUint64(b, uint64(c.At.UnixMicro()))
	if c.SecretHash != nil {
		b = append(b, c.SecretHash[:]...)
	}
	sum := sha256.Sum256(b)
	id := changeID(sum[:len(changeID{})])
	if _, known := r.at[id]; known {
		return false
	}
	if len(r.at) < r.limit {
		r.at[id] = c.At.UnixMicro()
	}
	return true
}

// forget drops changes from before a moment.
func (r recentChanges) forget(before time.Time) {
	oldest := before.UnixMicro()
	maps.DeleteFunc(r.at, func(_ changeID, at int64) bool { return at < oldest })
}
