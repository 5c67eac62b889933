package blacklist

import (
	"hash/fnv"
	"time"

	"rekey/internal/auth"
)

// buckets is the number of groups that sessions fall into. A bucket has one
// marker, and all its keys live on one node of a cluster.
const buckets = 256

func bucketOf(sessionID string) int {
	h := fnv.New32a()
	h.Write([]byte(sessionID))
	return int(h.Sum32() % buckets)
}

// entry is one doubt on its way into a backend.
type entry struct {
	session string
	secret  *auth.SecretHash // nil: the whole session
	life    time.Duration
}

// minLife keeps an entry from ending before the change that it announces.
const minLife = time.Second

// entriesOf leaves out the doubts about tokens that have ended, by every clock.
// An entry lasts for a while, and a token until a moment: the entry is two
// leeways longer, one for a writer whose clock is ahead and who finds too
// little left, one for a reader whose clock is behind and who takes the token
// for longer.
func entriesOf(doubts []auth.Invalidation, now time.Time, leeway time.Duration) []entry {
	entries := make([]entry, 0, len(doubts))
	for _, d := range doubts {
		if life := d.Until.Sub(now) + 2*leeway; life > 0 {
			entries = append(entries, entry{session: d.SessionID, secret: d.Secret, life: max(life, minLife)})
		}
	}
	return entries
}

// sighting is what one look finds.
type sighting struct {
	node    string    // run id of the node that answered
	marker  time.Time // of the bucket, bound to that node; just set counts as now
	doubted bool      // an entry for the session or the secret
}
