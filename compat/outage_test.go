package compat

import (
	"net/http"
	"testing"

	"rekey/internal/store"
	"rekey/internal/test/throwaway"
)

// TestContract_DatabaseKilled answers 503 while Postgres is gone; afterwards
// the same token works, since nothing was consumed.
func TestContract_DatabaseKilled(t *testing.T) {
	server := throwaway.StartPostgres(t)
	s := newStack(t, store.Options{URL: server.Database(t)})
	l := s.login(t)
	checkGuard(t, s, l.refresh, http.StatusNotFound)

	server.Kill()
	for _, path := range guarded() {
		for range 2 { // over a broken connection, and over none
			res := s.send(t, "GET", path, bearer(l.refresh), "")
			if e := res.envelopeOf(t); res.status != http.StatusServiceUnavailable || e.Message != "Service Unavailable" {
				t.Errorf("%s: %d %s", path, res.status, res.body)
			}
			checkHeaders(t, res)
			checkTellsNothing(t, res, l)
		}
	}
	server.Restart()
	checkSuccess(t, s, l, s.send(t, "GET", refreshPath, bearer(l.refresh), ""))
}
