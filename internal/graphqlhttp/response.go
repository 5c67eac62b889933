package graphqlhttp

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"rekey/internal/auth"
)

// requestErrorStatus is the status of a well-formed request whose document or
// variables are not right.
func (m mediaType) requestErrorStatus() int {
	if m == mediaGraphQL {
		return http.StatusBadRequest
	}
	return http.StatusOK
}

// executionStatus is the status of an executed operation. Any data makes it
// 200; so does an error that HTTP has nothing to say about. Of several it is
// the gravest, so that trouble in here is never told as 401.
func (m mediaType) executionStatus(response *graphql.Response) int {
	if m == mediaJSON || hasData(response) || len(response.Errors) == 0 {
		return http.StatusOK
	}
	statuses := make([]int, 0, len(response.Errors))
	for _, err := range response.Errors {
		statuses = append(statuses, statusOf(err))
	}
	if slices.Contains(statuses, http.StatusOK) {
		return http.StatusOK
	}
	return slices.MaxFunc(statuses, func(a, b int) int { return cmp.Compare(gravity(a), gravity(b)) })
}

func hasData(response *graphql.Response) bool {
	return len(response.Data) > 0 && !bytes.Equal(response.Data, []byte("null"))
}

func statusOf(err *gqlerror.Error) int {
	code, _ := err.Extensions["code"].(string)
	switch auth.Code(code) {
	case auth.CodeUnauthenticated:
		return http.StatusUnauthorized
	case auth.CodeForbidden:
		return http.StatusForbidden
	case auth.CodeRateLimited:
		return http.StatusTooManyRequests
	case auth.CodeUnavailable:
		return http.StatusServiceUnavailable
	case auth.CodeInternal:
		return http.StatusInternalServerError
	default:
		return http.StatusOK
	}
}

// gravity orders the statuses of statusOf.
func gravity(status int) int {
	return slices.Index([]int{
		http.StatusForbidden,
		http.StatusUnauthorized,
		http.StatusTooManyRequests,
		http.StatusServiceUnavailable,
		http.StatusInternalServerError,
	}, status)
}

// body is a GraphQL response. A request error has no data member, which is why
// graphql.Response, which always has one, is not written as it is.
type body struct {
	Errors     gqlerror.List   `json:"errors,omitempty"`
	Data       json.RawMessage `json:"data,omitempty"`
	Extensions map[string]any  `json:"extensions,omitempty"`
}

// write answers. With a status that tells a failure the data, which is null
// then, is left out.
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

// encode takes data alone as gqlgen wrote it: to check and copy it once more
// costs as much as to write it did.
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

// retryAfter is the longest wait in seconds that an error asks for. It is a
// header with status 200 too: that is where generic HTTP clients look.
func retryAfter(errs gqlerror.List) int {
	longest := 0
	for _, err := range errs {
		if seconds, ok := err.Extensions["retryAfter"].(int); ok {
			longest = max(longest, seconds)
		}
	}
	return longest
}
