package load

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestClient_Answers: the pair in an answer belongs to its client. The same pair
// in any other answer, or elsewhere in the same answer, is suspect.
func TestClient_Answers(t *testing.T) {
	const access, refresh = "eyJhbGciOiJFUzI1NiJ9.eyJhIjoxfQ.access", "eyJhbGciOiJFUzI1NiJ9.eyJhIjoxfQ.refresh"
	pair := `"token":"` + access + `","refreshToken":"` + refresh + `"`
	for name, tt := range map[string]struct {
		status       int
		body, header string
		ask          func(c *Client)
		want         int
	}{
		"a pair": {200, `{"data":{"login":{` + pair + `}}}`, "",
			func(c *Client) { c.Login(t.Context(), 0, "", "") }, 0},
		"a pair, and one of them in a header": {200, `{"data":{"login":{` + pair + `}}}`, "session=" + refresh,
			func(c *Client) { c.Login(t.Context(), 0, "", "") }, 0},
		"a pair, and another token": {200, `{"data":{"login":{` + pair + `}},"extensions":"eyJhbGciOiJFUzI1NiJ9.eyJhIjoyfQ.other"}`, "",
			func(c *Client) { c.Login(t.Context(), 0, "", "") }, 1},
		"a legacy pair": {201, `{"success":true,"payload":{"token":"` + access + `","refresh_token":"` + refresh + `"}}`, "",
			func(c *Client) { c.Refresh(t.Context(), 0, REST, refresh, "") }, 0},
		"a refusal that repeats the token": {401, `{"success":false,"message":"` + refresh + `"}`, "",
			func(c *Client) { c.Refresh(t.Context(), 0, REST, refresh, "") }, 1},
		"an error that contains the password": {200, `{"errors":[{"message":"` + password + `"}]}`, "",
			func(c *Client) { c.Login(t.Context(), 0, "", "") }, 1},
		"an error that contains a secret": {200, `{"errors":[{"message":"` + strings.Repeat("0f", 32) + `"}]}`, "",
			func(c *Client) { c.Me(t.Context(), 0, "") }, 1},
		"a header that contains the idempotency key": {200, `{"data":{"me":{}}}`, keyPrefix + "1",
			func(c *Client) { c.Me(t.Context(), 0, "") }, 1},
		"nothing": {200, `{"data":{"me":{"id":"0197a0b2-0000-7000-8000-000000000000"}}}`, "",
			func(c *Client) { c.Me(t.Context(), 0, "") }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("X-Note", tt.header)
				w.WriteHeader(tt.status)
				_, _ = w.Write([]byte(tt.body))
			}))
			defer s.Close()
			c := NewClient([]string{s.URL})
			defer c.Close()
			tt.ask(c)
			if kept, all := c.Answers(); len(kept) != tt.want || all != 1 {
				t.Errorf("of %d answers %d are suspect, want %d: %q", all, len(kept), tt.want, kept)
			}
		})
	}
}
