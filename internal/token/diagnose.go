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

// diagnose says what is wrong with a token that does not hold, as the legacy
// service would have said it: it decoded header and claims in full before it
// looked at the algorithm, and the signature last. What it finds no other
// fault in is a matter of the signature: not ours, or a second spelling.
func diagnose(token string) auth.TokenFailure {
	if len(token) > auth.MaxTokenBytes {
		return auth.TokenFailure{Fault: auth.FaultTooLong}
	}
	// Counting first keeps a token of nothing but dots from allocating.
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
	if _, present := header["crit"]; present {
		return auth.TokenFailure{Fault: auth.FaultHeader}
	}
	return auth.TokenFailure{Fault: auth.FaultSignature}
}

// decodePart decodes a segment and what is in it.
func decodePart(part string, decode func([]byte) error) auth.TokenFailure {
	data, err := decodeSegment(part)
	if corrupt, ok := errors.AsType[base64.CorruptInputError](err); ok {
		return auth.TokenFailure{Fault: auth.FaultBase64, Offset: int64(corrupt)}
	}
	if err := decode(data); err != nil {
		return auth.TokenFailure{Fault: auth.FaultJSON, Detail: detail(err)}
	}
	return auth.TokenFailure{}
}

// decodeSegment is lenient as the legacy service was, so that an offset is the
// one that it would have told.
func decodeSegment(part string) ([]byte, error) {
	if rest := len(part) % 4; rest > 0 {
		part += strings.Repeat("=", 4-rest)
	}
	return base64.URLEncoding.DecodeString(part)
}

// decodeClaims reads a stream, so that empty claims are told as "EOF".
func decodeClaims(data []byte) error {
	return json.NewDecoder(bytes.NewReader(data)).Decode(&claims{})
}

// algorithmText is an alg, whatever its type, in visible ASCII; "<nil>" when
// there is none.
func algorithmText(alg any) string {
	text := strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return '?'
		}
		return r
	}, fmt.Sprint(alg))
	return text[:min(len(text), maxAlgorithmBytes)]
}

// detail bounds an error's text: encoding/json repeats numbers at any length.
func detail(err error) string {
	text := err.Error()
	return strings.ToValidUTF8(text[:min(len(text), maxDetailBytes)], "")
}
