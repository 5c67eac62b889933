package load

import (
	"encoding/json"
	"net/http"
	"strings"

	"rekey/bench/faults/internal/history"
)

// Answer holds the answer to a request, for either transport.
type Answer struct {
	Outcome         history.Outcome
	Reason          string
	Access, Refresh string // of a new pair
	Blacklisted     bool   // the value of isBlacklisted
	text            string // all of it, headers included
}

type graphqlBody struct {
	Data   map[string]json.RawMessage
	Errors []struct {
		Message    string
		Extensions struct {
			Code, Reason string
			Field        string
			Retryable    bool
		}
	}
}

// judge classifies an answer of the GraphQL transport.
func (b graphqlBody) judge() (history.Outcome, string) {
	if len(b.Errors) == 0 {
		return history.Done, ""
	}
	e := b.Errors[0].Extensions
	switch {
	case e.Code == "UNAVAILABLE" && e.Retryable:
		return history.Unavailable, ""
	case e.Code == "UNAUTHENTICATED":
		return history.Refused, e.Reason
	case e.Code == "BAD_USER_INPUT" && e.Field == "token":
		return history.Refused, "INVALID_LINK"
	}
	return history.Strange, e.Code + ": " + b.Errors[0].Message
}

// busy begins the reason of an answer that asks for patience, because too many
// passwords are being hashed.
const busy = "RATE_LIMITED: "

// unlessBusy returns the answer, as Unavailable if it asks for patience.
func (a Answer) unlessBusy() Answer {
	if a.Outcome == history.Strange && strings.HasPrefix(a.Reason, busy) {
		a.Outcome, a.Reason = history.Unavailable, ""
	}
	return a
}

type restBody struct {
	Success bool
	Message string
	Payload struct {
		Token        string
		RefreshToken string `json:"refresh_token"`
	}
}

// Messages of the legacy transport that refuse a token with status 500.
const (
	legacyBlacklisted = "token is blacklisted"
	legacyUnknown     = "auth token not found"
)

func (b restBody) judge(status int, h http.Header) (history.Outcome, string) {
	switch {
	case b.Success && status == http.StatusCreated:
		return history.Done, ""
	case status == http.StatusServiceUnavailable && h.Get("Retry-After") != "":
		return history.Unavailable, ""
	case status == http.StatusUnauthorized, b.Message == legacyBlacklisted, b.Message == legacyUnknown:
		return history.Refused, b.Message
	}
	return history.Strange, http.StatusText(status) + ": " + b.Message
}
