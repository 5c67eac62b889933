package resolvers

import (
	"strings"
	"testing"

	"rekey/graph/model"
	"rekey/internal/auth"
)

// TestSecurityEventKinds: every kind of event that concerns an account has a name
// in the API, and no other kind has one.
func TestSecurityEventKinds(t *testing.T) {
	ofNobody := map[auth.EventKind]bool{
		auth.EventRefresh: true, auth.EventRefreshRetry: true, auth.EventLoginRetry: true, auth.EventUsersExported: true, auth.EventAccountErased: true, auth.EventKeyAdded: true,
		auth.EventKeyEnded: true, auth.EventKeyResealed: true, auth.EventAPIKeyCreated: true, auth.EventAPIKeyRevoked: true,
		auth.EventMailRetried: true, auth.EventMailDropped: true,
		auth.EventJournalLost: true, auth.EventJournalSampled: true,
	}
	kindOf := func(kind auth.EventKind) model.SecurityEventKind {
		return securityEventOf(auth.RecordedEvent{Event: auth.Event{Kind: kind}}).Kind
	}
	named := map[model.SecurityEventKind]bool{model.SecurityEventKindOther: true}
	for _, kind := range auth.EventKinds() {
		got := kindOf(kind)
		if named[got] = true; (got == model.SecurityEventKindOther) != ofNobody[kind] {
			t.Errorf("%s is %s", kind, got)
		}
	}
	for _, value := range apiSchema().Types["SecurityEventKind"].EnumValues {
		if !named[model.SecurityEventKind(value.Name)] {
			t.Errorf("no event has the kind %s", value.Name)
		}
	}
	if got := kindOf(auth.EventKind(strings.ToLower(string(model.SecurityEventKindOther)))); got != model.SecurityEventKindOther {
		t.Error(got)
	}
}
