package graphqlhttp

import (
	"net/http"
	"strings"
	"testing"
)

// TestHandler_byteOrderMark: a body may begin with the byte order mark of UTF-8.
// Another encoding is named.
func TestHandler_byteOrderMark(t *testing.T) {
	f := newFixture(t, &fakeRoot{})
	if w := f.post(acceptGraphQL, "\ufeff"+`{"query":"{me{name}}"}`); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "Ada") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	for mark, encoding := range map[string]string{"\xff\xfe{\x00": "UTF-16", "\xfe\xff\x00{": "UTF-16", "\xff\xfe\x00\x00": "UTF-32", "\x00\x00\xfe\xff": "UTF-32"} {
		checkRefused(t, f, f.post(acceptGraphQL, mark), http.StatusBadRequest, encoding)
	}
}
