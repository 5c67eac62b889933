package load

import (
	"strings"
	"sync"

	"rekey/bench/faults/internal/check"
	"rekey/bench/faults/internal/history"
)

// answers collects answers that may contain somebody else's secret. It stores
// the answers that contain something that looks like a secret, without the pairs
// that belong in them. They are compared at the end, when all secrets are known.
type answers struct {
	mu    sync.Mutex
	count int
	kept  []string
}

// mostKept limits the number of collected answers.
const mostKept = 1000

func (k *answers) add(a Answer) {
	text := a.text
	if a.Outcome == history.Done {
		for _, own := range []string{a.Access, a.Refresh} {
			if own != "" {
				text = strings.ReplaceAll(text, own, "")
			}
		}
	}
	suspect := check.Suspect(text, confided())
	k.mu.Lock()
	defer k.mu.Unlock()
	k.count++
	if suspect && len(k.kept) < mostKept {
		k.kept = append(k.kept, strings.ReplaceAll(text, "\n", " "))
	}
}

// Answers returns the collected answers, one per line, and the number of all
// answers.
func (c *Client) Answers() (suspects []string, all int) {
	c.answers.mu.Lock()
	defer c.answers.mu.Unlock()
	return append([]string(nil), c.answers.kept...), c.answers.count
}
