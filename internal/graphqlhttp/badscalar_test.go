package graphqlhttp

import (
	"io"
	"strings"
	"testing"
)

// TestEvents_badScalar: gqlgen reads the schema's own scalars after validation,
// and its message repeats the value.
func TestEvents_badScalar(t *testing.T) {
	f := newStreamFixture(t)
	res := f.events(t, "text/event-stream", `subscription { blacklistEvents(since: "`+secret+`") { kind } }`)
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(body); !strings.Contains(got, `argument \"since\" of field \"blacklistEvents\" has a value`) || strings.Contains(got, secret) {
		t.Errorf("stream = %s", got)
	}
}
