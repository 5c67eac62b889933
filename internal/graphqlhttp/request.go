package graphqlhttp

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
	"net/http"
	"net/url"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"

	"rekey/internal/auth"
)

// requestError is the error of a request that is not well-formed GraphQL over
// HTTP. Its message repeats nothing of the request.
type requestError struct {
	status  int
	message string
	allow   string // the Allow header of a 405
	code    string // extensions.code; empty: BAD_USER_INPUT
}

func errBadRequest(message string) *requestError {
	return &requestError{status: http.StatusBadRequest, message: message}
}

func errMediaType(message string) *requestError {
	return &requestError{status: http.StatusUnsupportedMediaType, message: message}
}

func errMethod(allow, message string) *requestError {
	return &requestError{status: http.StatusMethodNotAllowed, message: message, allow: allow}
}

// readPost reads a JSON body of at most limit bytes.
func readPost(r *http.Request, limit int64) (*graphql.RawParams, *requestError) {
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/json" {
		return nil, errMediaType("the body must be application/json")
	}
	if charset, given := params["charset"]; given && !strings.EqualFold(charset, "utf-8") {
		return nil, errMediaType("the body must be in utf-8")
	}
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return nil, errMediaType("the body must not be encoded")
	}
	body, err := readBody(r, limit)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, &requestError{status: http.StatusRequestEntityTooLarge, message: fmt.Sprintf("the body is larger than %d bytes", tooLarge.Limit)}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, &requestError{status: http.StatusRequestTimeout, message: "the body did not arrive in time"}
	case err != nil:
		return nil, errBadRequest("the body could not be read to its end")
	}
	body, err = auth.TrimByteOrderMark(body)
	switch {
	case err != nil:
		return nil, errBadRequest("the body is not UTF-8: " + err.Error())
	case !utf8.Valid(body):
		return nil, errBadRequest("the body is not UTF-8")
	}
	// A map, so that names of members are compared exactly. Unmarshal accepts
	// one value and nothing after it.
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil || members == nil {
		return nil, errBadRequest("the body is not one JSON object")
	}
	return paramsOf(members)
}

// readBody reads as much as the client announced: net/http's body then has no
// more. If the client announced nothing, readBody bounds the body itself.
func readBody(r *http.Request, limit int64) ([]byte, error) {
	if r.ContentLength > limit {
		return nil, &http.MaxBytesError{Limit: limit}
	}
	if r.ContentLength >= 0 {
		body := make([]byte, r.ContentLength)
		_, err := io.ReadFull(r.Body, body)
		return body, err
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	if int64(len(body)) > limit {
		err = &http.MaxBytesError{Limit: limit}
	}
	return body, err
}

// readGet reads the parameters of the URL. Variables and extensions are JSON.
func readGet(r *http.Request, limit int64) (*graphql.RawParams, *requestError) {
	if int64(len(r.URL.RawQuery)) > limit {
		return nil, &requestError{status: http.StatusRequestURITooLong, message: "the URL is too long"}
	}
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, errBadRequest("the URL's query string is malformed")
	}
	members := map[string]json.RawMessage{}
	for _, name := range []string{"query", "operationName"} {
		if value := values.Get(name); value != "" {
			members[name], _ = json.Marshal(value) // a string always encodes
		}
	}
	for _, name := range []string{"variables", "extensions"} {
		if value := values.Get(name); value != "" {
			members[name] = json.RawMessage(value)
		}
	}
	return paramsOf(members)
}

// paramsOf reads the members that GraphQL over HTTP defines, and ignores others.
func paramsOf(members map[string]json.RawMessage) (*graphql.RawParams, *requestError) {
	params := &graphql.RawParams{}
	if query := string(members["query"]); query == "" || query == "null" || query == `""` {
		if isPersisted(members["extensions"]) {
			return nil, errPersistedQuery()
		}
		if query != `""` {
			return nil, errBadRequest(`"query" is missing`)
		}
	}
	for _, member := range []struct {
		name string
		into any
		kind string
	}{
		{"query", &params.Query, "a string"},
		{"operationName", &params.OperationName, "a string"},
		{"variables", &params.Variables, "an object"},
		{"extensions", &params.Extensions, "an object"},
	} {
		value, given := members[member.name]
		if !given {
			continue
		}
		if err := json.Unmarshal(value, member.into); err != nil {
			return nil, errBadRequest(fmt.Sprintf("%q must be %s", member.name, member.kind))
		}
	}
	integers(params.Variables)
	return params, nil
}

// isPersisted reports whether a client sent the hash of a document in place of the
// document.
func isPersisted(extensions json.RawMessage) bool {
	var members struct {
		PersistedQuery json.RawMessage `json:"persistedQuery"`
	}
	return json.Unmarshal(extensions, &members) == nil && len(members.PersistedQuery) > 0 && string(members.PersistedQuery) != "null"
}

// errPersistedQuery is the answer to a hash without its document. Clients know
// the message and the code: they send the document, and hashes no longer. The
// status is 200 because some read the body of no other.
func errPersistedQuery() *requestError {
	return &requestError{status: http.StatusOK, message: "PersistedQueryNotSupported", code: "PERSISTED_QUERY_NOT_SUPPORTED"}
}

// integers converts whole numbers to int64. JSON decodes numbers as floats,
// which an Int does not accept. A number above 2^53 stays a float, because a
// float that big may stand for several integers.
func integers(value any) any {
	switch v := value.(type) {
	case float64:
		if v == math.Trunc(v) && math.Abs(v) <= 1<<53 {
			return int64(v)
		}
	case map[string]any:
		for name, member := range v {
			v[name] = integers(member)
		}
	case []any:
		for i, item := range v {
			v[i] = integers(item)
		}
	}
	return value
}
