package resolvers

import (
	"encoding/base64"
	"strings"

	"rekey/graph/model"
	"rekey/internal/auth"
)

// cursorMark distinguishes cursors of this list from others, and from later forms.
const cursorMark = "event:"

func cursorOf(id string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(cursorMark + id))
}

// fromCursor returns what the core takes for a place; it judges whether it is one.
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
		c.Edges[i] = &model.SecurityEventEdge{Cursor: cursorOf(e.ID), Node: securityEventOf(e)}
	}
	if n := len(c.Edges); n > 0 {
		c.PageInfo.StartCursor, c.PageInfo.EndCursor = &c.Edges[0].Cursor, &c.Edges[n-1].Cursor
	}
	return c
}

func securityEventOf(e auth.RecordedEvent) *model.SecurityEvent {
	return &model.SecurityEvent{
		ID:            e.ID,
		At:            e.At,
		Kind:          securityEventKindOf(e.Kind),
		Reason:        nonEmpty(e.Detail),
		Actor:         securityEventActorOf(e.Client.Actor),
		SessionID:     nonEmpty(e.SessionID),
		SessionsEnded: e.Count,
		Address:       nonEmpty(e.Client.Address),
		UserAgent:     nonEmpty(e.Client.UserAgent),
		RequestID:     nonEmpty(e.Client.RequestID),
	}
}

// securityEventKindOf: the API's kinds are named as the core's that have a user.
func securityEventKindOf(kind auth.EventKind) model.SecurityEventKind {
	named := model.SecurityEventKind(strings.ToUpper(string(kind)))
	if !named.IsValid() {
		return model.SecurityEventKindOther
	}
	return named
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
