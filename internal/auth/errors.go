package auth

import (
	"errors"
	"fmt"
	"time"
)

// Code is the class of a failure, the same at every transport.
type Code string

// The codes. A transport maps them to its own status; nothing else is told.
const (
	CodeUnauthenticated Code = "UNAUTHENTICATED"
	CodeForbidden       Code = "FORBIDDEN"
	CodeBadUserInput    Code = "BAD_USER_INPUT"
	CodeNotFound        Code = "NOT_FOUND"
	CodeConflict        Code = "CONFLICT"
	CodeRateLimited     Code = "RATE_LIMITED"
	CodeUnavailable     Code = "UNAVAILABLE"
	CodeInternal        Code = "INTERNAL"
)

// Reason says why a caller is unauthenticated. Clients branch on it.
type Reason string

// The reasons under CodeUnauthenticated.
const (
	ReasonTokenMissing       Reason = "TOKEN_MISSING"
	ReasonTokenInvalid       Reason = "TOKEN_INVALID"
	ReasonTokenExpired       Reason = "TOKEN_EXPIRED"
	ReasonTokenBlacklisted   Reason = "TOKEN_BLACKLISTED"
	ReasonTokenReused        Reason = "TOKEN_REUSED"
	ReasonSessionRevoked     Reason = "SESSION_REVOKED"
	ReasonSessionExpired     Reason = "SESSION_EXPIRED"
	ReasonSessionUnknown     Reason = "SESSION_UNKNOWN"
	ReasonUserDisabled       Reason = "USER_DISABLED"
	ReasonInvalidCredentials Reason = "INVALID_CREDENTIALS"
)

// Error is the only error that a transport may tell a client about. Any other error
// is internal: it is logged, and told as "internal error".
type Error struct {
	Code    Code
	Reason  Reason // set under CodeUnauthenticated
	Message string // safe to show to the client
	Field   string // under CodeBadUserInput: the input at fault, in GraphQL spelling
	// RetryAfter is how long the client should wait, under CodeRateLimited and
	// CodeUnavailable.
	RetryAfter time.Duration
	// Token is set when a token did not verify.
	Token *TokenFailure
	// SessionMissing tells the two cases of ReasonSessionUnknown apart: true
	// when no session of that id belongs to the user, false when the session
	// is there but has never heard of the token (the database lost a write).
	SessionMissing bool
	// Err is the cause, for the log only.
	Err error
}

// Error returns the safe message; the cause is reached by Unwrap.
func (e *Error) Error() string {
	if e.Reason != "" {
		return fmt.Sprintf("%s: %s", e.Reason, e.Message)
	}
	return fmt.Sprintf("%s: %s", e.Code, e.Message)
}

// Unwrap returns the cause, or nil.
func (e *Error) Unwrap() error { return e.Err }

// Retryable reports whether the same request may succeed later, nothing having
// been consumed; but see unacknowledgedSwaps for a refresh without an idempotency key.
func (e *Error) Retryable() bool {
	return e.Code == CodeUnavailable || e.Code == CodeRateLimited
}

// AsError returns the Error in err's chain. Anything else becomes a
// CodeInternal error with err as its cause. It returns nil for nil.
func AsError(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Code: CodeInternal, Message: "internal error", Err: err}
}

// Cause returns what lies behind the safe message of an Error in err's chain,
// for the log; err itself where there is nothing behind it.
func Cause(err error) error {
	var e *Error
	if errors.As(err, &e) && e.Err != nil {
		return e.Err
	}
	return err
}

// Unauthenticated returns an error under CodeUnauthenticated.
func Unauthenticated(reason Reason, message string) *Error {
	return &Error{Code: CodeUnauthenticated, Reason: reason, Message: message}
}

// BadInput returns an error under CodeBadUserInput for the named field.
func BadInput(field, message string) *Error {
	return &Error{Code: CodeBadUserInput, Field: field, Message: message}
}

// Unavailable returns a retryable error: something that rekey needs did not
// answer, and nothing is known to have been consumed. Never told as 401.
func Unavailable(cause error) *Error {
	return &Error{
		Code:       CodeUnavailable,
		Message:    "temporarily unavailable, try again",
		RetryAfter: time.Second,
		Err:        cause,
	}
}

// RateLimited returns an error under CodeRateLimited.
func RateLimited(retryAfter time.Duration) *Error {
	return &Error{Code: CodeRateLimited, Message: "too many requests", RetryAfter: retryAfter}
}

// TokenFault is what is wrong with a token that does not verify.
type TokenFault int

// The faults. Of a token with several the one is told that the legacy service
// told: the header is decoded (FaultBase64, FaultJSON), then the claims, then
// the algorithm is looked at, and only then the signature is decoded; of the
// times FaultNotYetValid beats FaultIssuedInFuture, and that FaultExpired.
const (
	FaultTooLong        TokenFault = iota + 1 // over MaxTokenBytes
	FaultSegments                             // not three segments
	FaultBase64                               // a segment is not base64url; Offset
	FaultJSON                                 // header or claims are not JSON, or of the wrong type; Detail
	FaultAlgorithm                            // alg is not ES256; Algorithm
	FaultHeader                               // a header that is refused: crit
	FaultSignature                            // signature wrong, or spelt in a non-canonical way
	FaultClaims                               // exp missing, duplicate members, trailing data; Detail
	FaultExpired                              // exp passed; ExpiredBy
	FaultNotYetValid                          // nbf in the future
	FaultIssuedInFuture                       // iat in the future
)

// byClock reports whether a skewed clock finds this fault in a good token.
func (f TokenFault) byClock() bool {
	return f == FaultExpired || f == FaultNotYetValid || f == FaultIssuedInFuture
}

// TokenFailure carries what a transport may need to word a token's fault as the
// legacy service did. It never carries the token itself.
type TokenFailure struct {
	Fault     TokenFault
	Offset    int64         // FaultBase64: input byte
	Detail    string        // FaultJSON, FaultClaims: what encoding/json says, or what is wrong
	Algorithm string        // FaultAlgorithm: the token's alg, at most 32 bytes
	ExpiredBy time.Duration // FaultExpired: whole seconds
}

// InvalidToken returns the error for a token that does not verify.
// ReasonTokenExpired for FaultExpired, ReasonTokenInvalid for all others.
func InvalidToken(f TokenFailure) *Error {
	e := Unauthenticated(ReasonTokenInvalid, "token is invalid")
	if f.Fault == FaultExpired {
		e = Unauthenticated(ReasonTokenExpired, "token has expired")
	}
	e.Token = &f
	return e
}
