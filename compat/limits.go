package compat

import (
	"net/http"
	"strings"
)

// TellLimits says whether an answer has the RateLimit headers: any, but for this
// door's, whose clients know exactly what headers to expect. Those that are to
// slow down learn more.
func TellLimits(path string, status int) bool {
	return !strings.HasPrefix(path, Prefix) || status == http.StatusTooManyRequests
}
