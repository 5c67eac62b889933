package doctor

import (
	"fmt"

	"rekey/internal/auth"
)

// mostGuesses is how many times the default a limit on passwords may be.
const mostGuesses = 10

// limits lists the limits in effect, and how often the running service has refused
// by each.
func (o Options) limits() (r Report) {
	cfg := o.Config
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
		if n := o.samples[fmt.Sprintf("rekey_rate_limited_total{limit=%q}", l.Name)]; n > 0 {
			found += fmt.Sprintf("; refused %.0f since the start of the service", n)
		}
		guesses := l.Group == "login" && (l.Rate > mostGuesses*standard[i].Rate || l.Burst > mostGuesses*standard[i].Burst)
		r = append(r, expect(!guesses, "limits."+l.Name, found, "lower it in LIMITS, unless it is for a load test: it limits how many passwords can be tried"))
	}
	return r
}

// proxies warns if the running service got requests from proxies that it does not
// trust: all of their clients count as one.
func (o Options) proxies() Report {
	n := o.samples["rekey_forwarded_ignored_total"]
	if n == 0 {
		return nil
	}
	return Report{warning("settings.TRUSTED_PROXIES", fmt.Sprintf("%.0f requests named their client in a header that is not read", n),
		"if a proxy of yours sent them, add its address to TRUSTED_PROXIES and let it send X-Forwarded-For: the log names the peer; without that, all of its clients count as one")}
}
