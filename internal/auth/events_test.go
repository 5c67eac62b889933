package auth

import (
	"slices"
	"testing"
)

// TestEventKinds_Sampled: the journal leaves out no event of a credential, a factor,
// an identity or a key, and none of an operator.
func TestEventKinds_Sampled(t *testing.T) {
	mayBe := []EventKind{
		EventRefreshRace, EventForeignRace, EventRepeated, EventRefreshReuse, EventRefreshRollback, EventLoginFailed, EventLoginLimited,
		EventLogout, EventSessionRevoked, EventTokenBlacklist, EventPasswordFailed, EventReauthFailed, EventProfileChanged,
	}
	for _, k := range eventKinds {
		if k.journal < logged || k.journal > always {
			t.Errorf("%s: the table does not say whether the journal records all", k.kind)
		}
		if got := (Event{Kind: k.kind}).mayBeSampled(); got != slices.Contains(mayBe, k.kind) {
			t.Errorf("%s may be sampled: %v", k.kind, got)
		}
		if (Event{Kind: k.kind, Client: Operator("ada")}).mayBeSampled() {
			t.Errorf("%s of an operator may be sampled", k.kind)
		}
	}
	if (Event{Kind: "new"}).mayBeSampled() {
		t.Error("a kind that is not in the table may be sampled")
	}
}
