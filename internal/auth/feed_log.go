package auth

import (
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"time"
)

const (
	// feedBacklog is how many events followers may be behind: 30 MB for all
	// of them, however many. Who is further behind reads the past again.
	feedBacklog = 100_000
	// feedMemory bounds the entries remembered so as not to tell them twice,
	// those of some 130 s: 60 MB. What it does not hold is told again.
	feedMemory = 1_000_000
)

// feedLog is what followers are still to be told, once for all of them: each
// has its place in it.
type feedLog struct {
	limit  int
	events []FeedEvent
	first  int64 // the place of the first
}

// end is the place of what comes next.
func (l *feedLog) end() int64 { return l.first + int64(len(l.events)) }

// add drops the oldest when there are too many.
func (l *feedLog) add(e FeedEvent) {
	if len(l.events) >= l.limit {
		l.forget(l.first + 1)
	}
	l.events = append(l.events, e)
}

// from returns what comes from a place on, at most limit.
func (l *feedLog) from(place int64, limit int) []FeedEvent {
	some := l.events[place-l.first:]
	return some[:min(len(some), limit)]
}

// forget drops what comes before a place.
func (l *feedLog) forget(before int64) {
	n := before - l.first
	clear(l.events[:n])
	l.events, l.first = l.events[n:], before
	if len(l.events) == 0 {
		l.events = nil
	}
}

// memory is which entries followers have been told lately.
type memory struct {
	limit int
	at    map[entryID]int64 // microseconds
}

// entryID stands for an entry: a part of its SHA-256, as long as two with the
// same will not be seen.
type entryID [16]byte

func idOf(e FeedEvent) entryID {
	b := make([]byte, 0, 128)
	b = append(b, e.Kind...)
	b = append(b, 0)
	b = append(b, e.SessionID...)
	b = append(b, 0)
	b = binary.BigEndian.AppendUint64(b, uint64(e.At.UnixMicro()))
	if e.SecretHash != nil {
		b = append(b, e.SecretHash[:]...)
	}
	sum := sha256.Sum256(b)
	return entryID(sum[:len(entryID{})])
}

// news reports whether an entry is not among them, and adds it if there is room.
func (m memory) news(e FeedEvent) bool {
	id := idOf(e)
	if _, known := m.at[id]; known {
		return false
	}
	if len(m.at) < m.limit {
		m.at[id] = e.At.UnixMicro()
	}
	return true
}

// forget drops entries of before a moment.
func (m memory) forget(before time.Time) {
	oldest := before.UnixMicro()
	maps.DeleteFunc(m.at, func(_ entryID, at int64) bool { return at < oldest })
}
