package token

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"rekey/internal/auth"
)

const (
	maxAlgorithmBytes = 32
	maxDetailBytes    = 256
)

// diagnose returns what is wrong with a token that did not verify, as the legacy
// service would have reported it. That service decoded header and claims
// completely, then checked the algorithm, and then the signature. If diagnose
// finds no other fault, the signature is invalid, or the encoding is not
// canonical.
func diagnose(token string) auth.TokenFailure {
	if len(token) > auth.MaxTokenBytes {
		return auth.TokenFailure{Fault: auth.FaultTooLong}
	}
	// Counting first prevents allocations for a token of many dots.
	if strings.Count(token, ".") != 2 {
		return auth.TokenFailure{Fault: auth.FaultSegments}
	}
	parts := strings.Split(token, ".")
	var header map[string]any
	if f := decodePart(parts[0], func(b []byte) error { return json.Unmarshal(b, &header) }); f.Fault != 0 {
		return f
	}
	if f := decodePart(parts[1], decodeClaims); f.Fault != 0 {
		return f
	}
	if alg := header["alg"]; alg != algorithm {
		return auth.TokenFailure{Fault: auth.FaultAlgorithm, Algorithm: algorithmText(alg)}
	}
	if f := decodePart(parts[2], func([]byte) error { return nil }); f.Fault != 0 {
		return f
	}
	// A padded signature would be another spelling of the same token.
	if padding := strings.IndexByte(parts[2], '='); padding >= 0 {
		return auth.TokenFailure{Fault: auth.FaultBase64, Offset: int64(padding)}
	}
	if _, present := header["crit"]; present {
		return auth.TokenFailure{Fault: auth.FaultHeader}
	}
	return auth.TokenFailure{Fault: auth.FaultSignature}
}

// decodePart decodes a segment and its content.
func decodePart(part string, decode func([]byte) error) auth.TokenFailure {
	// Padding is optional, as in the legacy service, so that an offset is the one
	// that it would have reported.
	if rest := len(part) % 4; rest > 0 {
		part += strings.Repeat("=", 4-rest)
	}
	data, err := base64.URLEncoding.DecodeString(part)
	if corrupt, ok := errors.AsType[base64.CorruptInputError](err); ok {
		return auth.TokenFailure{Fault: auth.FaultBase64, Offset: int64(corrupt)}
	}
	if err := decode(data); err != nil {
		return auth.TokenFailure{Fault: auth.FaultJSON, Detail: detail(err)}
	}
	return auth.TokenFailure{}
}

// decodeClaims reads a stream, so that the error for empty claims is "EOF".
func decodeClaims(data []byte) error {
	return json.NewDecoder(bytes.NewReader(data)).Decode(&claims{})
}

// algorithmText returns an alg of any type in visible ASCII, or "<nil>" if there
// is no alg.
func algorithmText(alg any) string {
	text := strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return '?'
		}
		return r
	}, fmt.Sprint(alg))
	return text[:min(len(text), maxAlgorithmBytes)]
}

// detail returns a bounded error text: encoding/json repeats numbers of any
// length.
func detail(err error) string {
	text := err.Error()
	return strings.ToValidUTF8(text[:min(len(text), maxDetailBytes)], "")
}
