package doctor

import (
	"fmt"

	"rekey/internal/auth"
	"rekey/internal/config"
)

// mostGuesses is how many times the default a limit on passwords may be.
const mostGuesses = 10

// limits lists the limits in effect.
func limits(cfg config.Config) (r Report) {
	if !cfg.RateLimits {
		return Report{ok("limits", "RATE_LIMITS=off: nothing is limited")}
	}
	standard := auth.DefaultLimits()
	for i, l := range cfg.Limits {
		found := fmt.Sprintf("%s, burst %d", l.RateText(), l.Burst)
		if l.By != "" {
			found += ", by " + l.By
		}
		if l != standard[i] {
			found += fmt.Sprintf(" (default: %s, burst %d)", standard[i].RateText(), standard[i].Burst)
		}
		guesses := l.Group == "login" && (l.Rate > mostGuesses*standard[i].Rate || l.Burst > mostGuesses*standard[i].Burst)
		r = append(r, expect(!guesses, "limits."+l.Name, found, "lower it in LIMITS, unless it is for a load test: it limits how many passwords can be tried"))
	}
	return r
}
