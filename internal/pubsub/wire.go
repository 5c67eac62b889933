package pubsub

import (
	"encoding/json"
	"fmt"
	"time"

	"rekey/internal/auth"
)

// message is a notice on the wire. Fields may be added; a replica ignores those
// that it does not know, and kinds that it does not know.
type message struct {
	Origin     string          `json:"from"`
	Kind       auth.NoticeKind `json:"kind"`
	Session    string          `json:"session"`
	Hash       []byte          `json:"hash,omitempty"`
	Use        auth.TokenUse   `json:"use,omitempty"`
	Reason     string          `json:"reason,omitempty"`
	At         int64           `json:"at"` // microseconds, like the others
	Expires    int64           `json:"expires,omitempty"`
	Generation int64           `json:"generation,omitempty"`
	Issued     int64           `json:"issued,omitempty"`
	Address    string          `json:"address,omitempty"`
	UserAgent  string          `json:"agent,omitempty"`
}

func encode(origin string, n auth.Notice) ([]byte, error) {
	m := message{
		Origin: origin, Kind: n.Kind, Session: n.SessionID, Use: n.Use, Reason: n.Reason,
		At: micros(n.At), Expires: micros(n.ExpiresAt), Generation: n.Generation, Issued: micros(n.IssuedAt),
		Address: n.Address, UserAgent: n.UserAgent,
	}
	if n.SecretHash != nil {
		m.Hash = n.SecretHash[:]
	}
	text, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("encoding a notice: %w", err)
	}
	return text, nil
}

// decode returns false for what is no notice, or one of our own.
func decode(origin, text string) (auth.Notice, bool) {
	var m message
	if err := json.Unmarshal([]byte(text), &m); err != nil || m.Origin == origin {
		return auth.Notice{}, false
	}
	switch m.Kind {
	case auth.NoticeRotated, auth.NoticeRevoked, auth.NoticeBlacklisted:
	default:
		return auth.Notice{}, false
	}
	n := auth.Notice{
		Kind: m.Kind, SessionID: m.Session, Use: m.Use, Reason: m.Reason,
		At: fromMicros(m.At), ExpiresAt: fromMicros(m.Expires), Generation: m.Generation, IssuedAt: fromMicros(m.Issued),
		Address: m.Address, UserAgent: m.UserAgent,
	}
	if len(m.Hash) == len(auth.SecretHash{}) {
		hash := auth.SecretHash(m.Hash)
		n.SecretHash = &hash
	}
	return n, true
}

// micros is 0 for no time.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicros(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}
