package graphqlhttp

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

const (
	persisted    = `{"persistedQuery":{"version":1,"sha256Hash":"` + secretHash + `"}}`
	secretHash   = "9ad4a9b31ecfc3a5b7bbd3c0a8e3a0aa4d4bb0b6f8a3bd8e0c9e4a4f7f6c3b21"
	notSupported = "PersistedQueryNotSupported"
)

// TestHandler_PersistedQuery: a hash without a document gets the answer after
// which Apollo's and urql's links send the document.
func TestHandler_PersistedQuery(t *testing.T) {
	f := newFixture(t, &fakeRoot{})
	for _, accept := range []string{acceptJSON, acceptGraphQL} {
		for name, body := range map[string]string{
			"no query":    `{"operationName":"a","variables":{},"extensions":` + persisted + `}`,
			"null":        `{"query":null,"extensions":` + persisted + `}`,
			"empty query": `{"query":"","extensions":` + persisted + `}`,
		} {
			w := f.post(accept, body)
			wantNotSupported(t, name, w.Code, w.Body.Bytes())
		}
	}
	w := f.get("extensions", persisted, "operationName", "a")
	wantNotSupported(t, "GET", w.Code, w.Body.Bytes())
}

func wantNotSupported(t *testing.T, name string, status int, body []byte) {
	t.Helper()
	var answer struct {
		Errors []struct {
			Message    string
			Extensions struct{ Code string }
		}
		Data any
	}
	if err := json.Unmarshal(body, &answer); err != nil || status != http.StatusOK || len(answer.Errors) != 1 ||
		answer.Errors[0].Message != notSupported || answer.Errors[0].Extensions.Code != "PERSISTED_QUERY_NOT_SUPPORTED" {
		t.Errorf("%s: %d %s", name, status, body)
	}
	if strings.Contains(string(body), secretHash) {
		t.Errorf("%s: the answer repeats the hash", name)
	}
}

// TestHandler_PersistedQueryIgnored: with a document, the hash changes nothing.
// Without a hash, the document is required.
func TestHandler_PersistedQueryIgnored(t *testing.T) {
	f := newFixture(t, &fakeRoot{})
	if w := f.post(acceptGraphQL, `{"query":"{me{name}}","extensions":`+persisted+`}`); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "Ada") {
		t.Errorf("with a document: %d %s", w.Code, w.Body)
	}
	for _, extensions := range []string{`{}`, `null`, `{"persistedQuery":null}`, `1`} {
		checkRefused(t, f, f.post(acceptGraphQL, `{"extensions":`+extensions+`}`), http.StatusBadRequest, `"query" is missing`)
	}
}
