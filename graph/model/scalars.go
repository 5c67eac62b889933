// Package model holds the types of the GraphQL API, made from the schema, and
// the two time scalars, which gqlgen cannot make. It knows neither the core
// nor the database: resolvers translate.
package model

import (
	"errors"
	"io"
	"strconv"
	"time"

	"github.com/99designs/gqlgen/graphql"
)

// dateTimeLayout is RFC 3339 in UTC with microseconds, always six digits.
const dateTimeLayout = "2006-01-02T15:04:05.000000Z07:00"

var (
	errUnixTime = errors.New("a UnixTime is a whole number of seconds")
	errDateTime = errors.New("a DateTime is RFC 3339 text")
)

// MarshalUnixTime writes a moment as Unix seconds, a JSON number.
func MarshalUnixTime(t time.Time) graphql.Marshaler {
	return graphql.WriterFunc(func(w io.Writer) {
		_, _ = io.WriteString(w, strconv.FormatInt(t.Unix(), 10))
	})
}

// UnmarshalUnixTime reads what MarshalUnixTime writes.
func UnmarshalUnixTime(v any) (time.Time, error) {
	seconds, err := graphql.UnmarshalInt64(v)
	if err != nil {
		return time.Time{}, errUnixTime
	}
	return time.Unix(seconds, 0).UTC(), nil
}

// MarshalDateTime writes a moment as RFC 3339 text in UTC with microseconds.
func MarshalDateTime(t time.Time) graphql.Marshaler {
	return graphql.WriterFunc(func(w io.Writer) {
		_, _ = io.WriteString(w, `"`+t.UTC().Format(dateTimeLayout)+`"`)
	})
}

// UnmarshalDateTime reads RFC 3339 text with any number of decimals.
func UnmarshalDateTime(v any) (time.Time, error) {
	text, ok := v.(string)
	if !ok {
		return time.Time{}, errDateTime
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}, errDateTime
	}
	return t.UTC(), nil
}
