package graphqlhttp

import (
	"encoding/json"
	"net/http"

	"github.com/coder/websocket"

	"rekey/internal/auth"
)

// subprotocol is the protocol of graphql-ws,
// https://github.com/enisdenny/graphql-ws/blob/master/PROTOCOL.md.
const subprotocol = "graphql-transport-ws"

// The types of messages.
const (
	msgInit      = "connection_init"
	msgAck       = "connection_ack"
	msgPing      = "ping"
	msgPong      = "pong"
	msgSubscribe = "subscribe"
	msgNext      = "next"
	msgError     = "error"
	msgComplete  = "complete"
)

// closing is the reason for closing a socket. Clients give up after a code of
// 44xx, except 4403 and 4408, and reconnect after any other.
type closing struct {
	code    websocket.StatusCode
	reason  string
	refusal *auth.Error // set if the core or a limit refused
}

func closeBad(why string) closing { return closing{4400, why, nil} }
func closeUnauthorized() closing  { return closing{4401, "Unauthorized", nil} }

// closeFor returns the reason for closing a socket whose credentials are
// invalid: forbidden if a new access token helps, unauthorized if only a new
// login does.
func closeFor(err *auth.Error) closing {
	c := closing{websocket.StatusTryAgainLater, "Try again later", nil}
	switch {
	case err.Code == auth.CodeUnauthenticated && (err.Reason == auth.ReasonTokenExpired || err.Reason == auth.ReasonTokenBlacklisted):
		c = closing{4403, "Forbidden", nil}
	case err.Code == auth.CodeUnauthenticated:
		c = closeUnauthorized()
	}
	c.refusal = err
	return c
}

// message is one message of the protocol, in either direction.
type message struct {
	ID      string          `json:"id,omitempty"`
	Type    string          `json:"type"`
	Payload json.RawMessage `json:"payload,omitempty"`
}

// maxSubscriptionID is the length of an id in bytes. It is far more than
// clients need.
const maxSubscriptionID = 128

// withPayload returns the header of a request with the credentials of the
// payload of connection_init, because browsers cannot set headers.
func withPayload(header http.Header, payload json.RawMessage) (http.Header, bool) {
	header = header.Clone()
	if len(payload) == 0 {
		return header, true
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(payload, &members) != nil {
		return nil, false
	}
	for name, raw := range members {
		canonical := http.CanonicalHeaderKey(name)
		var value string
		if canonical != "Authorization" && canonical != "X-Api-Key" || json.Unmarshal(raw, &value) != nil {
			continue
		}
		header.Set(canonical, value)
	}
	return header, true
}
