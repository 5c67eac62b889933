package web

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"rekey/internal/auth"
)

// The headers that tell clients of limits (draft-ietf-httpapi-ratelimit-headers-10):
// what there is, and what is left of it.
const (
	policyHeader = "RateLimit-Policy"
	quotaHeader  = "RateLimit"
)

// tellQuotas sets the headers for what limits have counted, if any did.
func tellQuotas(h http.Header, quotas []auth.Quota) {
	if len(quotas) == 0 {
		return
	}
	var policy, left strings.Builder
	for i, q := range quotas {
		if i > 0 {
			policy.WriteString(", ")
			left.WriteString(", ")
		}
		name := strconv.Quote(q.Limit.Name) // a structured field's string: names are ASCII
		window := time.Duration(float64(q.Limit.Burst) / q.Limit.Rate * float64(time.Second))
		policy.WriteString(name + ";q=" + strconv.Itoa(q.Limit.Burst) + ";w=" + seconds(window))
		left.WriteString(name + ";r=" + strconv.Itoa(max(0, q.Remaining)) + ";t=" + seconds(q.Reset))
	}
	h.Set(policyHeader, policy.String())
	h.Set(quotaHeader, left.String())
	if exposed := h.Get("Access-Control-Expose-Headers"); exposed != "" {
		h.Set("Access-Control-Expose-Headers", exposed+", "+quotaHeader+", "+policyHeader)
	}
}

func seconds(d time.Duration) string { return strconv.Itoa(auth.CeilSeconds(d)) }
