package resolvers_test

import "testing"

// TestResolver_Node: every object that has an id is found by it, by its owner
// and by nobody else.
func TestResolver_Node(t *testing.T) {
	s := newStack(t)
	mine := s.signUp(t)
	eve := field[pair](t, s.send(t, signUp, map[string]any{"input": map[string]any{"name": "Eve", "email": "eve@example.com", "password": password}}), "signUp")
	const node = `query($id: ID!) { node(id: $id) { __typename id ... on User { email } ... on Session { current } ... on SecurityEvent { kind } } }`
	type object struct {
		Typename string `json:"__typename"`
		ID, Kind string
	}
	event := s.history(t, mine.Token, nil).ids()[0]
	for id, typename := range map[string]string{mine.User.ID: "User", mine.Session.ID: "Session", event: "SecurityEvent"} {
		got := field[*object](t, s.send(t, node, map[string]any{"id": id}, bearer(mine.Token)...), "node")
		if got == nil || got.Typename != typename || got.ID != id {
			t.Errorf("node = %+v, want %s", got, typename)
		}
		if got := field[*object](t, s.send(t, node, map[string]any{"id": id}, bearer(eve.Token)...), "node"); got != nil {
			t.Errorf("another user gets %+v", got)
		}
		if got := s.send(t, node, map[string]any{"id": id}).refused(); got != "UNAUTHENTICATED TOKEN_MISSING" {
			t.Errorf("without a token: %q", got)
		}
	}
	for _, id := range []string{"", "x", "00000000-0000-0000-0000-000000000000", mine.User.ID + "0"} {
		if got := field[*object](t, s.send(t, node, map[string]any{"id": id}, bearer(mine.Token)...), "node"); got != nil {
			t.Errorf("%q: %+v", id, got)
		}
	}
}
