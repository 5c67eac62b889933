package app

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"rekey/internal/test/cputime"
)

const (
	allOfSession = "id current generation userAgent ipAddress createdAt lastSeenAt expiresAt absoluteExpiresAt revokedAt revokedReason"
	allOfEvent   = "id at kind reason actor sessionId sessionsEnded address userAgent requestId"
	manyRows     = 300 // more than a field returns
)

// times returns a field n times, each under an alias.
func times(n int, field string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, " a%d:%s", i, field)
	}
	return b.String()
}

// greedy returns documents that request as many rows as allowed.
func greedy() map[string]string {
	events := func(n int, which string) string {
		return `{` + times(n, "securityEvents"+which+"{...f}") + ` } fragment f on SecurityEventConnection {
			edges { cursor node { ` + allOfEvent + ` } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }`
	}
	return map[string]string{
		"sessions, everything":  `{` + times(3, "sessions{...f}") + `} fragment f on Session {` + allOfSession + `}`,
		"sessions, ids":         `{` + times(6, "sessions{id}") + `}`,
		"sessions, times":       `{ sessions {` + times(30, "expiresAt") + ` ` + allOfSession + `} }`,
		"events, the newest":    events(5, "(first:100)"),
		"events, the oldest":    events(5, "(last:100)"),
		"events, as usual":      events(20, ""),
		"events, over and over": `{ securityEvents(first:100) { edges { cursor` + times(10, "node{...f}") + `} } } fragment f on SecurityEvent {` + allOfEvent + `}`,
		"tokens":                `query($t: String!) {` + times(20, "isBlacklisted(token:$t)") + `}`,
		"users":                 `{` + times(20, "me{id name email emailVerifiedAt createdAt updatedAt}") + `}`,
		"one session":           `{` + times(20, "session{...f}") + `} fragment f on Session {` + allOfSession + `}`,
	}
}

// tooGreedy returns documents that request slightly more than allowed.
func tooGreedy() map[string]string {
	return map[string]string{
		"sessions, everything":   `{` + times(4, "sessions{...f}") + `} fragment f on Session {` + allOfSession + `}`,
		"sessions, ids":          `{` + times(7, "sessions{id}") + `}`,
		"events, the newest":     `{` + times(7, "securityEvents(first:100){edges{cursor node{...f}}}") + `} fragment f on SecurityEvent {` + allOfEvent + `}`,
		"events, by a variable":  `query($n:Int){` + times(7, "securityEvents(first:$n){edges{cursor node{...f}}}") + `} fragment f on SecurityEvent {` + allOfEvent + `}`,
		"events, over and over":  `{securityEvents(first:100){edges{` + times(14, "node{...f}") + `}}} fragment f on SecurityEvent {` + allOfEvent + `}`,
		"both, in one operation": `{` + times(2, "sessions{...f}") + times(5, "securityEvents(first:100){edges{cursor}}") + `b:sessions{...f}} fragment f on Session {` + allOfSession + `}`,
	}
}

// fill gives the user the maximum number of sessions and events, with contents
// that clients can choose.
func (g *guarded) fill() {
	g.t.Helper()
	agent := strings.Repeat("\u00e9", 250)
	for i := range manyRows {
		g.exec(fmt.Sprintf(`INSERT INTO sessions (id, user_id, generation, secret_hash, issued_at, access_expires_at, refresh_expires_at,
			expires_at, user_agent, ip_address, created_at, last_seen_at, revoked_reason)
			SELECT '01900000-0000-7000-8000-%012x', user_id, generation, secret_hash, issued_at, access_expires_at, refresh_expires_at,
			expires_at, '%s', '2001:db8:1234:5678:9abc:def0:1234:5678', created_at, last_seen_at, '' FROM sessions LIMIT 1`, i, agent))
		g.exec(fmt.Sprintf(`INSERT INTO security_events
			SELECT '01900000-0000-7000-9000-%012x', at, kind, user_id, session_id, actor, transport, '2001:db8:1234:5678:9abc:def0:1234:5678',
			'%s', request_id, 'invalid_credentials', count FROM security_events WHERE user_id IS NOT NULL LIMIT 1`, i, agent))
	}
}

// answered fails the test unless a document is answered. It returns the length
// of the answer.
func (g *guarded) answered(name, document string) int {
	g.t.Helper()
	w := g.target.graphql(g.tokens.access, document, map[string]any{"t": g.tokens.refresh})
	var body struct{ Errors []json.RawMessage }
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || w.Code != http.StatusOK || len(body.Errors) > 0 {
		g.t.Fatalf("%s: %d %.300s", name, w.Code, w.Body)
	}
	return w.Body.Len()
}

// request returns a function that sends a document.
func (g *guarded) request(document string) func() {
	body, err := json.Marshal(map[string]any{"query": document, "variables": map[string]any{"t": g.tokens.refresh}})
	if err != nil {
		g.t.Fatal(err)
	}
	return func() {
		r := httptest.NewRequest(http.MethodPost, "/graphql", strings.NewReader(string(body)))
		r.Header.Set("Content-Type", "application/json")
		g.serve(r, g.tokens.access)
	}
}

// TestHostileRows: a document costs this process at most the CPU time that any
// request may cost, however many rows it requests. A document that would cost
// more is refused before it is executed.
func TestHostileRows(t *testing.T) {
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			one, err := cputime.Signature()
			if err != nil {
				t.Fatal(err)
			}
			s := newStack(t, e, map[string]string{"MAX_SESSIONS": "0", "LOG_LEVEL": "info"})
			g := &guarded{newTarget(t, s.app), s}
			g.fill()
			if rows := strings.Count(g.target.graphql(g.tokens.access, `{sessions{id}}`, nil).Body.String(), `"id"`); rows != 200 {
				t.Fatalf("%d sessions, want as many as the schema says there are at most", rows)
			}
			var worst time.Duration
			for name, document := range greedy() {
				size := g.answered(name, document)
				least := cputime.Least(5, g.request(document))
				n := cputime.Signatures(least, one)
				t.Logf("%-24s %7d bytes, %v of CPU, as much as %.0f signatures", name, size, least, n)
				if n > cputime.Request {
					t.Errorf("%s: as much as %.0f signatures, want at most %d", name, n, cputime.Request)
				}
				worst = max(worst, least)
			}
			t.Logf("the worst: %v of CPU, as much as %.0f signatures of %v", worst, cputime.Signatures(worst, one), one)
			for name, document := range tooGreedy() {
				w := g.target.graphql(g.tokens.access, document, nil)
				if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "more than 15000 values") {
					t.Errorf("%s: %d %.300s", name, w.Code, w.Body)
				}
			}
		})
	}
}
