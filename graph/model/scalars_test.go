package model

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
)

func written(m graphql.Marshaler) string {
	var b strings.Builder
	m.MarshalGQL(&b)
	return b.String()
}

func TestUnixTime(t *testing.T) {
	late := time.Date(2106, 2, 7, 6, 28, 16, 0, time.UTC) // beyond Int and uint32
	if got := written(MarshalUnixTime(late)); got != "4294967296" {
		t.Errorf("written %s", got)
	}
	for _, value := range []any{int64(4294967296), json.Number("4294967296")} {
		if got, err := UnmarshalUnixTime(value); err != nil || !got.Equal(late) {
			t.Errorf("read %v, %v", got, err)
		}
	}
	if _, err := UnmarshalUnixTime("soon"); err == nil || strings.Contains(err.Error(), "soon") {
		t.Errorf("error = %v", err)
	}
}

func TestDateTime(t *testing.T) {
	budapest := time.FixedZone("", 2*60*60)
	moment := time.Date(2021, 6, 1, 14, 0, 0, 120_000_999, budapest)
	const text = "2021-06-01T12:00:00.120000Z"
	if got := written(MarshalDateTime(moment)); got != `"`+text+`"` {
		t.Errorf("written %s", got)
	}
	if got, err := UnmarshalDateTime(text); err != nil || !got.Equal(moment.Truncate(time.Microsecond)) {
		t.Errorf("read %v, %v", got, err)
	}
	for _, bad := range []any{"soon", 1, nil} {
		if _, err := UnmarshalDateTime(bad); err == nil || strings.Contains(err.Error(), "soon") {
			t.Errorf("%v: error = %v", bad, err)
		}
	}
}
