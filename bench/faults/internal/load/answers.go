package load

import (
	"strings"
	"sync"

	"rekey/bench/faults/internal/check"
	"rekey/bench/faults/internal/history"
)

// answers keeps what may tell somebody else's secret: the answers, without the
// pairs that they hand out, in which something has the look of one. Which it is
// will be known when all secrets are.
type answers struct {
	mu    sync.Mutex
	count int
	kept  []string
}

// mostKept bounds them: the first are as good as all.
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

// Answers are those that may tell a secret that is not theirs to tell, a line
// each, and how many there have been in all.
func (c *Client) Answers() (suspects []string, all int) {
	c.answers.mu.Lock()
	defer c.answers.mu.Unlock()
	return append([]string(nil), c.answers.kept...), c.answers.count
}
