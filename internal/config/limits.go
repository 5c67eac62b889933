package config

import (
	"strconv"
	"strings"

	"rekey/internal/auth"
)

// The rates and bursts that a limit may have. A greater burst is not counted
// exactly, and a lower rate would lock people out for long.
const (
	leastRate = 1. / 86400 // per second
	mostRate  = 100_000.
	mostBurst = 10_000
)

const limitForm = "must be the name of a limit, =, and a rate such as 5/s, 12/min, 6/h or 10/d, with a burst such as 5/s:50 if that changes"

// limits takes changes of rows in the table of limits. Errors name the row.
func limits(to *auth.Limits) apply {
	return func(value string, bad reject) {
		*to = auth.DefaultLimits()
		changed := map[string]bool{}
		for _, item := range items(value) {
			name, change, found := strings.Cut(item, "=")
			name = strings.TrimSpace(name)
			switch row := to.Named(name); {
			case !found:
				bad(name, limitForm)
			case row == nil:
				bad(name, "there is no such limit; there are %s", strings.Join(limitNames(), ", "))
			case changed[name]:
				bad(name, "is given twice")
			default:
				changed[name] = true
				changeLimit(row, change, func(format string, args ...any) { bad(name, format, args...) })
			}
		}
	}
}

// changeLimit applies a change such as 5/s:50.
func changeLimit(row *auth.Limit, change string, bad func(format string, args ...any)) {
	rateText, burstText, hasBurst := strings.Cut(change, ":")
	rate, ok := limitRateOf(strings.TrimSpace(rateText))
	if !ok {
		bad("its rate must be a number followed by /s, /min, /h or /d, from 1/d to %.0f/s", mostRate)
		return
	}
	burst := row.Burst
	if hasBurst {
		var err error
		if burst, err = strconv.Atoi(strings.TrimSpace(burstText)); err != nil || burst < 1 || burst > mostBurst {
			bad("its burst must be a whole number from 1 to %d", mostBurst)
			return
		}
	}
	row.Rate, row.Burst = rate, burst
}

// limitRateOf reads a rate such as 12/min. It returns requests per second.
func limitRateOf(text string) (perSecond float64, ok bool) {
	number, unit, _ := strings.Cut(text, "/")
	seconds, known := map[string]float64{"s": 1, "min": 60, "h": 3600, "d": 86400}[unit]
	if !known || strings.Trim(number, "0123456789.") != "" { // neither 1e9 nor 0x1 nor Inf
		return 0, false
	}
	n, err := strconv.ParseFloat(number, 64)
	perSecond = n / seconds
	return perSecond, err == nil && perSecond >= leastRate && perSecond <= mostRate
}

func limitNames() []string {
	var names []string
	for _, l := range auth.DefaultLimits() {
		names = append(names, l.Name)
	}
	return names
}
