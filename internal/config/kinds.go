package config

import (
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"
)

const year = 365 * 24 * time.Hour

// apply reads one kind of value into the field that a setting names.
type apply = func(c *Config, value string, bad reject)

func integer(field func(*Config) *int, least, most int) apply {
	return func(c *Config, value string, bad reject) {
		n, err := strconv.Atoi(value)
		if err != nil || n < least || n > most {
			bad(value, "must be a whole number from %d to %d", least, most)
			return
		}
		*field(c) = n
	}
}

func duration(field func(*Config) *time.Duration, least, most time.Duration) apply {
	return func(c *Config, value string, bad reject) {
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
			*field(c) = d
		}
	}
}

// leeway is a duration of which less than a second counts as one. No clock is
// found skewed for less, and a replica that judged tokens by less would refuse
// those of another whose clock is right.
func leeway(field func(*Config) *time.Duration, most time.Duration) apply {
	set := duration(field, 0, most)
	return func(c *Config, value string, bad reject) {
		set(c, value, bad)
		*field(c) = max(*field(c), time.Second)
	}
}

// wholeSeconds is a duration of one second or more: tokens know no fractions
// (NumericDate as this service writes it).
func wholeSeconds(field func(*Config) *time.Duration, most time.Duration) apply {
	return func(c *Config, value string, bad reject) {
		d, err := time.ParseDuration(value)
		if err == nil && d > 0 && d%time.Second != 0 {
			bad(value, "must be a whole number of seconds")
			return
		}
		duration(field, time.Second, most)(c, value, bad)
	}
}

func choice(field func(*Config) *string, allowed ...string) apply {
	return func(c *Config, value string, bad reject) {
		if !slices.Contains(allowed, value) {
			bad(value, "must be %s", strings.Join(allowed, " or "))
			return
		}
		*field(c) = value
	}
}

// secret takes any text; whoever uses it judges it.
func secret(field func(*Config) *Secret) apply {
	return func(c *Config, value string, _ reject) { *field(c) = Secret(value) }
}

func onOff(field func(*Config) *bool) apply {
	return func(c *Config, value string, bad reject) {
		if value != "on" && value != "off" {
			bad(value, "must be on or off")
			return
		}
		*field(c) = value == "on"
	}
}

// offInProduction is onOff for what is on when it is unset, but not in
// production. ENV must be declared before.
func offInProduction(field func(*Config) *bool) apply {
	return func(c *Config, value string, bad reject) {
		if value == "" {
			*field(c) = c.Environment != Production
			return
		}
		onOff(field)(c, value, bad)
	}
}

func logLevel(c *Config, value string, bad reject) {
	levels := map[string]slog.Level{
		"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
	}
	level, ok := levels[strings.ToLower(value)]
	if !ok {
		bad(value, "must be debug, info, warn or error")
		return
	}
	c.LogLevel = level
}

// zone takes a leading colon as the C library does. "Local" is refused: what
// tokens say would depend on the machine.
func zone(field func(*Config) **time.Location) apply {
	return func(c *Config, value string, bad reject) {
		name := strings.TrimPrefix(value, ":")
		location, err := time.LoadLocation(name)
		if err != nil || name == "" || name == "Local" {
			bad(value, "must be a zone of the tz database, such as UTC or Europe/Budapest")
			return
		}
		*field(c) = location
	}
}

func list(field func(*Config) *[]string) apply {
	return func(c *Config, value string, _ reject) { *field(c) = items(value) }
}

// items splits a comma list; empty items are left out.
func items(value string) []string {
	var list []string
	for item := range strings.SplitSeq(value, ",") {
		if item = strings.TrimSpace(item); item != "" {
			list = append(list, item)
		}
	}
	return list
}
