package auth

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"time"
)

// ID is a version 7 UUID (RFC 9562). Users, sessions, API keys and events have
// one. Its text is lower case, with hyphens.
type ID [16]byte

// The lowest and the highest text of an id.
const (
	MinID = "00000000-0000-0000-0000-000000000000"
	MaxID = "ffffffff-ffff-ffff-ffff-ffffffffffff"
)

// NewID returns a random id. Ids sort by time, so new rows are neighbours in an
// index.
func NewID(at time.Time) ID {
	id := FirstID(at)
	_, _ = rand.Read(id[8:]) // it never fails
	id[8] = id[8]&0x3f | 0x80
	return id
}

// FirstID returns the lowest id that NewID can return for a time. Its first half
// is the milliseconds since the epoch, the version, and the fraction of the
// millisecond in 4096 parts (RFC 9562, section 6.2, method 3).
func FirstID(at time.Time) ID {
	us := uint64(max(0, at.UnixMicro()))
	id := ID{8: 0x80}
	binary.BigEndian.PutUint64(id[:8], us/1000<<16|7<<12|us%1000*4096/1000)
	return id
}

// String returns the text of an id.
func (id ID) String() string {
	digits := hex.EncodeToString(id[:])
	return digits[:8] + "-" + digits[8:12] + "-" + digits[12:16] + "-" + digits[16:20] + "-" + digits[20:]
}

// ParseID reads the text of a UUID of any version. It accepts only the form in
// which ids are stored.
func ParseID(text string) (id ID, ok bool) {
	if len(text) != len(MinID) {
		return ID{}, false
	}
	digits := text[:8] + text[9:13] + text[14:18] + text[19:23] + text[24:]
	_, err := hex.Decode(id[:], []byte(digits))
	return id, err == nil && id.String() == text
}

// canonicalID reports whether ParseID accepts id. Nothing has any other id, so
// the database is not asked for it.
func canonicalID(id string) bool {
	_, ok := ParseID(id)
	return ok
}
