package auth

import (
	"context"
	"errors"
)

// Node is an object that has an id and belongs to a caller. One field is set.
type Node struct {
	User    *User
	Session *Session
	Event   *RecordedEvent
}

// Node returns the caller's object with an id: the user, a session, live or not,
// or an event of the journal. It returns CodeNotFound if there is none, even if
// another user has one.
func (s *Service) Node(ctx context.Context, caller Caller, id string, c Client) (_ Node, err error) {
	ctx, _, end, err := s.begin(ctx, StepNode, c)
	defer end(&err)
	if err != nil {
		return Node{}, err
	}
	if id == caller.UserID {
		u, err := s.account(ctx, caller)
		return Node{User: &u}, err
	}
	if !canonicalID(id) {
		return Node{}, noSuchNode()
	}
	sess, err := s.ownSession(ctx, caller.UserID, id)
	if !errors.Is(err, ErrNotFound) {
		return Node{Session: &sess}, err
	}
	events, err := s.Journal(ctx, JournalQuery{UserID: caller.UserID, ID: id, Limit: 1})
	switch {
	case err != nil:
		return Node{}, err
	case len(events) == 0:
		return Node{}, noSuchNode()
	}
	return Node{Event: &events[0]}, nil
}

func noSuchNode() error { return &Error{Code: CodeNotFound, Message: "you have no such object"} }
