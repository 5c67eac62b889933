package graphqlhttp

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"rekey/internal/auth"
)

// executionStatus returns the status of an executed operation. It is 200 if
// there is data, or an error whose code has no status of its own. Otherwise the
// most severe error decides, so that a client never gets 401 for an internal
// failure.
func (m mediaType) executionStatus(response *graphql.Response) int {
	if m == mediaJSON || hasData(response) || len(response.Errors) == 0 {
		return http.StatusOK
	}
	codes := []auth.Code{auth.CodeForbidden, auth.CodeUnauthenticated, auth.CodeRateLimited, auth.CodeUnavailable, auth.CodeInternal}
	statuses := []int{
		http.StatusForbidden, http.StatusUnauthorized, http.StatusTooManyRequests, http.StatusServiceUnavailable, http.StatusInternalServerError,
	}
	worst := 0 // the codes with a status of their own, the most severe last
	for _, err := range response.Errors {
		code, _ := err.Extensions["code"].(string)
		i := slices.Index(codes, auth.Code(code))
		if i < 0 {
			return http.StatusOK
		}
		worst = max(worst, i)
	}
	return statuses[worst]
}

func hasData(response *graphql.Response) bool {
	return len(response.Data) > 0 && !bytes.Equal(response.Data, []byte("null"))
}

// body is a GraphQL response. graphql.Response is not written as it is because
// it always has a data member, which a request error must not have.
type body struct {
	Errors     gqlerror.List   `json:"errors,omitempty"`
	Data       json.RawMessage `json:"data,omitempty"`
	Extensions map[string]any  `json:"extensions,omitempty"`
}

// write writes an answer. With the status of an error it leaves out the data,
// which is null then.
func write(w http.ResponseWriter, media mediaType, status int, response *graphql.Response) {
	answer := body{Errors: response.Errors, Data: response.Data, Extensions: response.Extensions}
	if status >= http.StatusBadRequest {
		answer.Data = nil
	}
	header := w.Header()
	header.Set("Content-Type", media.contentType())
	header.Set("Cache-Control", "no-store")
	if status == http.StatusUnauthorized {
		header.Set("WWW-Authenticate", "Bearer")
	}
	if wait := retryAfter(response.Errors); wait > 0 {
		header.Set("Retry-After", strconv.Itoa(wait))
	}
	encoded := answer.encode()
	w.WriteHeader(status)
	for _, part := range encoded {
		_, _ = w.Write(part) // the client may have left
	}
}

// encode returns the parts of the encoded response. If there is only data, it is
// used as gqlgen wrote it: checking and copying it again costs as much as
// writing it did.
func (b body) encode() [][]byte {
	if len(b.Data) > 0 && len(b.Errors) == 0 && len(b.Extensions) == 0 {
		return [][]byte{[]byte(`{"data":`), b.Data, []byte("}\n")}
	}
	encoded, err := json.Marshal(b)
	if err != nil {
		// The data is JSON that gqlgen wrote, the rest is strings and numbers.
		panic("graphqlhttp: response is not JSON: " + err.Error())
	}
	return [][]byte{append(encoded, '\n')}
}

// retryAfter returns the longest wait in seconds of the errors. The header is
// also set with status 200, because generic HTTP clients look for it there.
func retryAfter(errs gqlerror.List) int {
	longest := 0
	for _, err := range errs {
		if seconds, ok := err.Extensions["retryAfter"].(int); ok {
			longest = max(longest, seconds)
		}
	}
	return longest
}

// encodeEvent encodes one response of a stream. It leaves out the data if it is
// null because of an error.
func encodeEvent(response *graphql.Response) ([]byte, error) {
	answer := body{Errors: response.Errors, Data: response.Data, Extensions: response.Extensions}
	if !hasData(response) && len(response.Errors) > 0 {
		answer.Data = nil
	}
	return json.Marshal(answer)
}
