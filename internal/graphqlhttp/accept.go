package graphqlhttp

import (
	"mime"
	"strconv"
	"strings"
)

// mediaType is the type of an answer.
type mediaType string

const (
	// mediaJSON is the type for old clients. They expect status 200 for every
	// answer that is GraphQL.
	mediaJSON mediaType = "application/json"
	// mediaGraphQL is the type whose status says how the request went.
	mediaGraphQL mediaType = "application/graphql-response+json"
	// mediaEvents is the type of a stream of server-sent events.
	mediaEvents mediaType = "text/event-stream"
)

// contentType returns the header of an answer.
func (m mediaType) contentType() string { return string(m) + "; charset=utf-8" }

// accepted holds the media types that a client accepts.
type accepted struct {
	media  mediaType // of an answer that is not a stream, and of errors
	answer bool      // whether the client accepts such an answer
	events bool      // whether the client accepts a stream of events
}

// negotiate reads the values of an Accept header, and picks the media type that
// the client prefers. A client without a preference gets application/json,
// because old clients send no Accept header, or "*/*".
func negotiate(accept []string) accepted {
	if strings.TrimSpace(strings.Join(accept, "")) == "" {
		return accepted{media: mediaJSON, answer: true}
	}
	ranges := map[string]float64{} // quality by media range
	for part := range strings.SplitSeq(strings.Join(accept, ","), ",") {
		name, params, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		if charset, given := params["charset"]; given && !strings.EqualFold(charset, "utf-8") {
			continue
		}
		switch name {
		case string(mediaJSON), string(mediaGraphQL), string(mediaEvents), "application/*", "*/*":
			// RFC 9110 section 12.4.2; a malformed q counts as 0.
			quality := 1.0
			if q := params["q"]; q != "" {
				if quality, err = strconv.ParseFloat(q, 64); err != nil || !(quality >= 0 && quality <= 1) {
					quality = 0
				}
			}
			ranges[name] = max(ranges[name], quality)
		}
	}
	json, graphql := preference(ranges, mediaJSON), preference(ranges, mediaGraphQL)
	a := accepted{media: mediaJSON, answer: json > 0 || graphql > 0, events: ranges[string(mediaEvents)] > 0}
	_, named := ranges[string(mediaGraphQL)]
	switch {
	case graphql > json || named && graphql > 0 && graphql == json:
		a.media = mediaGraphQL
	case a.events && !a.answer:
		a.media = mediaGraphQL // for errors before the stream begins
	}
	return a
}

// preference returns the quality of a type by the most specific range that
// includes it.
func preference(ranges map[string]float64, media mediaType) float64 {
	for _, name := range []string{string(media), "application/*", "*/*"} {
		if q, given := ranges[name]; given {
			return q
		}
	}
	return 0
}
