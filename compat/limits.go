package compat

import "strings"

// TellLimits says whether answers at a path have the RateLimit headers: all but
// this transport's, whose clients know exactly what headers to expect.
func TellLimits(path string) bool { return !strings.HasPrefix(path, Prefix) }
