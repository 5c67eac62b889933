package resolvers

import (
	"encoding/base64"
	"strings"

	"rekey/graph/model"
	"rekey/internal/auth"
)

// cursorMark distinguishes cursors of this list from those of other lists and of
// later formats.
const cursorMark = "event:"

// fromCursor returns the id in a cursor. The core checks whether it is one.
func fromCursor(cursor *string) string {
	if cursor == nil {
		return ""
	}
	text, err := base64.RawURLEncoding.Strict().DecodeString(*cursor)
	id, ours := strings.CutPrefix(string(text), cursorMark)
	if err != nil || !ours || id == "" {
		return "no cursor of ours"
	}
	return id
}

func eventConnectionOf(p auth.EventPage) *model.SecurityEventConnection {
	c := &model.SecurityEventConnection{
		Edges:    make([]*model.SecurityEventEdge, len(p.Events)),
		PageInfo: &model.PageInfo{HasNextPage: p.HasNext, HasPreviousPage: p.HasPrevious},
	}
	for i, e := range p.Events {
		cursor := base64.RawURLEncoding.EncodeToString([]byte(cursorMark + e.ID))
		c.Edges[i] = &model.SecurityEventEdge{Cursor: cursor, Node: securityEventOf(e)}
	}
	if n := len(c.Edges); n > 0 {
		c.PageInfo.StartCursor, c.PageInfo.EndCursor = &c.Edges[0].Cursor, &c.Edges[n-1].Cursor
	}
	return c
}

func securityEventOf(e auth.RecordedEvent) *model.SecurityEvent {
	// The API's kinds have the names of the core's kinds that concern a user.
	kind := model.SecurityEventKind(strings.ToUpper(string(e.Kind)))
	if !kind.IsValid() {
		kind = model.SecurityEventKindOther
	}
	return &model.SecurityEvent{
		ID:            e.ID,
		At:            e.At,
		Kind:          kind,
		Reason:        nonEmpty(e.Detail),
		Actor:         securityEventActorOf(e.Client.Actor),
		SessionID:     nonEmpty(e.SessionID),
		SessionsEnded: e.Count,
		Address:       nonEmpty(e.Client.Address),
		UserAgent:     nonEmpty(e.Client.UserAgent),
		RequestID:     nonEmpty(e.Client.RequestID),
	}
}

// securityEventActorOf leaves out the name of the operator, and of the program.
func securityEventActorOf(actor string) model.SecurityEventActor {
	switch {
	case actor == auth.ActorClient:
		return model.SecurityEventActorClient
	case strings.HasPrefix(actor, auth.ActorAPIKey):
		return model.SecurityEventActorService
	case strings.HasPrefix(actor, auth.ActorOperator):
		return model.SecurityEventActorOperator
	}
	return model.SecurityEventActorSystem
}
