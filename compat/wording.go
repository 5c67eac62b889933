package compat

import (
	"fmt"
	"strings"
	"time"

	"rekey/internal/auth"
)

const (
	blacklistedMessage = "token is blacklisted"
	invalidPrefix      = "invalid or expired jwt, internal="
	// maxDetail limits how many bytes of a token's content an answer repeats.
	maxDetail = 200
)

// unknownMessage distinguishes a session that does not exist from a token that its
// session does not know.
func unknownMessage(e *auth.Error) string {
	if e.SessionMissing {
		return "auth token not found"
	}
	return blacklistedMessage
}

// tokenMessage describes why a token does not verify.
func tokenMessage(e *auth.Error) string {
	if e.Token == nil {
		return invalidPrefix + bounded(e.Message)
	}
	return invalidPrefix + faultText(*e.Token)
}

// faultText returns the legacy service's text for a fault, or our own text if the
// legacy service had no such check.
func faultText(f auth.TokenFailure) string {
	switch f.Fault {
	case auth.FaultTooLong:
		return fmt.Sprintf("token is longer than %d bytes", auth.MaxTokenBytes)
	case auth.FaultSegments:
		return "token contains an invalid number of segments"
	case auth.FaultBase64:
		return fmt.Sprintf("illegal base64 data at input byte %d", f.Offset)
	case auth.FaultJSON:
		return detail(f, "token is not JSON")
	case auth.FaultAlgorithm:
		return "unexpected jwt signing method=" + bounded(f.Algorithm)
	case auth.FaultHeader:
		return "token header is not accepted"
	case auth.FaultSignature:
		return "crypto/ecdsa: verification error"
	case auth.FaultClaims:
		return detail(f, "token claims are not accepted")
	case auth.FaultExpired:
		return fmt.Sprintf("token is expired by %v", f.ExpiredBy.Truncate(time.Second))
	case auth.FaultNotYetValid:
		return "token is not valid yet"
	case auth.FaultIssuedInFuture:
		return "Token used before issued"
	default:
		return "token is not accepted"
	}
}

func detail(f auth.TokenFailure, otherwise string) string {
	if f.Detail == "" {
		return otherwise
	}
	return bounded(f.Detail)
}

// bounded cuts a text to maxDetail bytes and drops what is not UTF-8.
func bounded(s string) string {
	if len(s) > maxDetail {
		s = s[:maxDetail]
	}
	return strings.ToValidUTF8(s, "")
}
