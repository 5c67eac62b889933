package config

import "log/slog"

const redacted = "[redacted]"

// Secret is a string that prints and logs as "[redacted]". Convert it to a
// string to use it.
type Secret string

// String hides the value; it stays empty when there is none.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return redacted
}

// GoString hides the value from %#v.
func (s Secret) GoString() string { return s.String() }

// LogValue hides the value from slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText hides the value from encoders.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
