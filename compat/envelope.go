package compat

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"

	"rekey/internal/auth"
)

const contentType = "application/json; charset=UTF-8"

// envelope is the body of every answer. Legacy clients see the keys in the
// order of the fields.
type envelope struct {
	Success bool     `json:"success"`
	Message string   `json:"message"`
	Payload *payload `json:"payload"`
}

// payload is the token pair of a success.
type payload struct {
	Token           string `json:"token"`
	RefreshToken    string `json:"refresh_token"`
	TokenExpiration int64  `json:"token_expiration"` // Unix seconds
}

// answer is a response before it is written.
type answer struct {
	status     int
	envelope   envelope
	challenge  bool // WWW-Authenticate
	retryAfter int  // seconds of Retry-After, unless zero
}

func success(g auth.Grant) answer {
	return answer{
		status: http.StatusCreated,
		envelope: envelope{
			Success: true,
			Message: "Success",
			Payload: &payload{
				Token:           g.AccessToken,
				RefreshToken:    g.RefreshToken,
				TokenExpiration: g.AccessExpiresAt.Unix(),
			},
		},
	}
}

func notFound() answer {
	return answer{status: http.StatusNotFound, envelope: envelope{Message: "Not Found"}}
}

// write sends the answer. It encodes the whole body before it sends anything. To
// HEAD it sends neither a body nor its type, as the legacy service did.
func (a answer) write(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	var body []byte
	if r.Method != http.MethodHead {
		body = a.envelope.bytes()
		h.Set("Content-Type", contentType)
	}
	if a.challenge {
		h.Set("WWW-Authenticate", "Bearer")
	}
	if a.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(a.retryAfter))
	}
	w.WriteHeader(a.status)
	if len(body) > 0 { // net/http would derive a type from an empty one, too
		_, _ = w.Write(body) // fails only if the client has disconnected
	}
}

// bytes returns the envelope and a newline, escaped as encoding/json does by
// default, like the legacy service.
func (e envelope) bytes() []byte {
	var b bytes.Buffer
	_ = json.NewEncoder(&b).Encode(e) // strings and integers always encode
	return b.Bytes()
}
