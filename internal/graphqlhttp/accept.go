package graphqlhttp

import (
	"mime"
	"strconv"
	"strings"
)

// mediaType is what an answer is written as. The zero value is application/json.
type mediaType int

const (
	// mediaJSON is what old clients take. They take only 200 for an answer
	// that is GraphQL.
	mediaJSON mediaType = iota
	// mediaGraphQL is application/graphql-response+json, whose status tells
	// how the request went.
	mediaGraphQL
)

// contentType is the header of an answer.
func (m mediaType) contentType() string {
	if m == mediaGraphQL {
		return "application/graphql-response+json; charset=utf-8"
	}
	return "application/json; charset=utf-8"
}

// preference is how much a client wants each of the two, -1 where it did not say.
type preference struct{ json, graphql, anyApplication, any float64 }

// negotiate picks the media type that the client wants most; false when it
// wants neither. Who wants anything gets application/json: old clients send
// no Accept header, or "*/*".
func negotiate(accept []string) (mediaType, bool) {
	if len(accept) == 0 || strings.TrimSpace(strings.Join(accept, "")) == "" {
		return mediaJSON, true
	}
	wanted := preference{-1, -1, -1, -1}
	for part := range strings.SplitSeq(strings.Join(accept, ","), ",") {
		wanted.add(part)
	}
	asked := wanted.graphql >= 0
	json, graphql := wanted.of(wanted.json), wanted.of(wanted.graphql)
	switch {
	case graphql > 0 && (graphql > json || asked && graphql == json):
		return mediaGraphQL, true
	case json > 0:
		return mediaJSON, true
	default:
		return mediaJSON, false
	}
}

// add notes one media range. One that cannot be read counts for nothing.
func (p *preference) add(part string) {
	name, params, err := mime.ParseMediaType(part)
	if err != nil {
		return
	}
	if charset, given := params["charset"]; given && !strings.EqualFold(charset, "utf-8") {
		return
	}
	q := quality(params["q"])
	switch name {
	case "application/json":
		p.json = max(p.json, q)
	case "application/graphql-response+json":
		p.graphql = max(p.graphql, q)
	case "application/*":
		p.anyApplication = max(p.anyApplication, q)
	case "*/*":
		p.any = max(p.any, q)
	}
}

// of is the quality of a type by the most specific range that names it.
func (p *preference) of(exact float64) float64 {
	for _, q := range []float64{exact, p.anyApplication, p.any} {
		if q >= 0 {
			return q
		}
	}
	return 0
}

// quality reads a q parameter (RFC 9110 section 12.4.2); 1 without one, 0 for
// nonsense.
func quality(q string) float64 {
	if q == "" {
		return 1
	}
	value, err := strconv.ParseFloat(q, 64)
	if err != nil || !(value >= 0 && value <= 1) {
		return 0
	}
	return value
}
