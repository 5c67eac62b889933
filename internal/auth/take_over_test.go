package auth

import (
	"context"
	"errors"
	"testing"
	"time"
)

// takeOverStore records the change that starts a session.
type takeOverStore struct {
	Store
	change EndSessions
	event  Event
	err    error
}

func (s *takeOverStore) EndSessions(_ context.Context, change EndSessions, e *Event) ([]string, error) {
	s.change, s.event = change, *e
	return []string{"a", "b"}, s.err
}

type (
	mintedTokens struct{ Tokens }
	keptEvents   []Event
)

func (mintedTokens) Mint(use TokenUse, c Claims) (string, error) {
	if c.User.EmailVerifiedAt == nil {
		return "", errors.New("the address is not verified in the token")
	}
	return string(use), nil
}

func (k *keptEvents) Emit(_ context.Context, e Event) { *k = append(*k, e) }

// TestService_startSession_takeOver: a token that was mailed to a never verified
// address starts a session in the transaction that voids what the account had.
func TestService_startSession_takeOver(t *testing.T) {
	store, events := &takeOverStore{}, &keptEvents{}
	s := &Service{
		store: store, events: events, tokens: mintedTokens{}, rotationKeys: FixedKeys([]byte("key")),
		settings: Settings{AccessTTL: time.Minute, RefreshTTL: time.Hour, SessionTTL: time.Hour},
	}
	now := time.Date(2026, 3, 1, 12, 0, 0, 123, time.UTC)
	u := User{ID: NewID(now).String(), EmailKey: "ada@example.com", PasswordHash: "a stranger's", AuthEpoch: 7}
	in := sessionStart{user: u, methods: []Method{MethodEmail}, redeem: &Redemption{Purpose: "login"}}
	g, err := s.startSession(t.Context(), in, now, Client{})
	if err != nil {
		t.Fatal(err)
	}
	c := store.change
	if c.UserID != u.ID || !c.RaiseEpoch || *c.ExpectEpoch != 7 || c.ExpectPasswordHash != "a stranger's" || c.PasswordHash != "" ||
		!c.VerifyEmail || !c.ExpectUnverified || c.Redeem.Purpose != "login" || c.Redeem.Payload != c.Start.ID {
		t.Errorf("change %+v", c)
	}
	if c.Start.ID != g.Session.ID || c.Start.UserID != u.ID || c.StartEvent.Kind != EventLogin || store.event.Kind != EventEmailVerified || store.event.Detail != "taken_over" {
		t.Errorf("start %+v, events %v and %v", c.Start, c.StartEvent.Kind, store.event.Kind)
	}
	if got := g.User; got.HasPassword() || got.AuthEpoch != 8 || !got.EmailVerifiedAt.Equal(now.Truncate(time.Microsecond)) {
		t.Errorf("user %+v", got)
	}
	if k := *events; len(k) != 2 || k[0].Kind != EventEmailVerified || k[0].Count != 2 || k[1].Kind != EventLogin {
		t.Errorf("events %+v", k)
	}
	store.err = ErrMovedOn
	if _, err := s.startSession(t.Context(), in, now, Client{}); !errors.Is(err, ErrMovedOn) {
		t.Errorf("%v, want ErrMovedOn", err)
	}
}
