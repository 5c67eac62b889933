package meter

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// idleFields of the first line of /proc/stat are time in which nobody worked:
// idle and iowait (proc(5)). Those from guestField on are in others already.
const (
	idleField, waitField = 4, 5
	guestField           = 9
)

// Busy is the CPU time that the whole machine has used, what was stolen from it
// by its host included.
func Busy() (time.Duration, error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, fmt.Errorf("reading what the machine used: %w", err)
	}
	line, _, _ := strings.Cut(string(text), "\n")
	var sum int64
	for i, field := range strings.Fields(line) {
		if i == 0 || i == idleField || i == waitField || i >= guestField {
			continue
		}
		n, _ := strconv.ParseInt(field, 10, 64)
		sum += n
	}
	return time.Duration(sum) * tick, nil
}
