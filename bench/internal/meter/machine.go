package meter

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// idleFields of the first line of /proc/stat count idle time: idle and iowait
// (proc(5)). The fields from guestField on are already contained in others.
const (
	idleField, waitField = 4, 5
	guestField           = 9
)

// Busy returns the CPU time that the whole machine has used, including the time
// that its host took.
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
