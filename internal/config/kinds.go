package config

import (
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"
)

const year = 365 * 24 * time.Hour

// apply checks a value and stores it in the field that the setting names.
type apply = func(value string, bad reject)

func integer(to *int, least, most int) apply {
	return func(value string, bad reject) {
		n, err := strconv.Atoi(value)
		if err != nil || n < least || n > most {
			bad(value, "must be a whole number from %d to %d", least, most)
			return
		}
		*to = n
	}
}

func duration(to *time.Duration, least, most time.Duration) apply {
	return func(value string, bad reject) {
		d, err := time.ParseDuration(value)
		switch {
		case err != nil:
			bad(value, "must be a duration such as 10s, 15m or 720h")
		case d < 0:
			bad(value, "must not be negative")
		case d < least:
			bad(value, "must be at least %v", least)
		case d > most:
			bad(value, "must be at most %v", most)
		default:
			*to = d
		}
	}
}

// leeway takes a duration and raises it to one second at least. A clock counts
// as skewed only from one second on; a replica with a smaller leeway would
// refuse tokens from another whose clock counts as right.
func leeway(to *time.Duration, most time.Duration) apply {
	set := duration(to, 0, most)
	return func(value string, bad reject) {
		set(value, bad)
		*to = max(*to, time.Second)
	}
}

// wholeSeconds takes a duration of at least one second without a fraction,
// because the times in tokens have none.
func wholeSeconds(to *time.Duration, most time.Duration) apply {
	return func(value string, bad reject) {
		d, err := time.ParseDuration(value)
		if err == nil && d > 0 && d%time.Second != 0 {
			bad(value, "must be a whole number of seconds")
			return
		}
		duration(to, time.Second, most)(value, bad)
	}
}

func choice(to *string, allowed ...string) apply {
	return func(value string, bad reject) {
		if !slices.Contains(allowed, value) {
			bad(value, "must be %s", strings.Join(allowed, " or "))
			return
		}
		*to = value
	}
}

// secret takes any text; the package that uses it checks it.
func secret(to *Secret) apply {
	return func(value string, _ reject) { *to = Secret(value) }
}

func onOff(to *bool) apply {
	return func(value string, bad reject) {
		if value != "on" && value != "off" {
			bad(value, "must be on or off")
			return
		}
		*to = value == "on"
	}
}

// offInProduction takes on or off. Unset, it is off in production and on
// otherwise; ENV must be declared before.
func offInProduction(c *Config, to *bool) apply {
	return func(value string, bad reject) {
		if value == "" {
			*to = c.Environment != Production
			return
		}
		onOff(to)(value, bad)
	}
}

func logLevel(to *slog.Level) apply {
	levels := map[string]slog.Level{
		"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
	}
	return func(value string, bad reject) {
		level, ok := levels[strings.ToLower(value)]
		if !ok {
			bad(value, "must be debug, info, warn or error")
			return
		}
		*to = level
	}
}

// zone takes a name with an optional leading colon, as the C library does. It
// refuses "Local", which would make the content of tokens depend on the machine.
func zone(to **time.Location) apply {
	return func(value string, bad reject) {
		name := strings.TrimPrefix(value, ":")
		location, err := time.LoadLocation(name)
		if err != nil || name == "" || name == "Local" {
			bad(value, "must be a zone of the tz database, such as UTC or Europe/Budapest")
			return
		}
		*to = location
	}
}

func list(to *[]string) apply {
	return func(value string, _ reject) { *to = items(value) }
}

// items splits a list at its commas and omits empty items.
func items(value string) []string {
	var list []string
	for item := range strings.SplitSeq(value, ",") {
		if item = strings.TrimSpace(item); item != "" {
			list = append(list, item)
		}
	}
	return list
}
