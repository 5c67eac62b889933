package auth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"
)

// Code is the class of a failure, the same for every transport.
type Code string

// The codes. Each transport maps them to its own status.
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

// Codes returns all codes.
func Codes() []Code {
	return []Code{
		CodeUnauthenticated, CodeForbidden, CodeBadUserInput, CodeNotFound, CodeConflict, CodeRateLimited, CodeUnavailable, CodeInternal,
	}
}

// Reason explains to clients why a caller is not authenticated, or why something
// is forbidden. Clients branch on it.
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
	ReasonAccountDeleting    Reason = "ACCOUNT_DELETING"
	ReasonInvalidCredentials Reason = "INVALID_CREDENTIALS"
	ReasonEmailUnverified    Reason = "EMAIL_UNVERIFIED" // the password was right
	// ReasonStepUpRequired is for a valid token of a session in which no credential
	// was proved recently. Clients must not log the user out.
	ReasonStepUpRequired Reason = "STEP_UP_REQUIRED"
)

// ReasonMailNotConfigured is the reason under CodeForbidden if a use case needs
// mail and the operator configured none.
const ReasonMailNotConfigured Reason = "MAIL_NOT_CONFIGURED"

// ReasonUseRequestSignUp is the reason under CodeForbidden for a sign-up by password
// if addresses must be verified first.
const ReasonUseRequestSignUp Reason = "USE_REQUEST_SIGN_UP"

// Error is the only error that transports show to clients. Any other error is
// internal: it is logged, and clients see "internal error".
type Error struct {
	Code    Code
	Reason  Reason // set under CodeUnauthenticated, and for some errors under CodeForbidden
	Message string // safe to show to the client
	Field   string // under CodeBadUserInput: the GraphQL name of the invalid input
	// Fields has all invalid inputs if there are several. The first is Field.
	Fields []InvalidField
	// RetryAfter is how long the client should wait before it retries, under
	// CodeRateLimited and CodeUnavailable.
	RetryAfter time.Duration
	// Limit is the limit that refused, under CodeRateLimited. It is logged and never
	// shown.
	Limit *Limit
	// Token is set if a token did not verify.
	Token *TokenFailure
	// SessionMissing distinguishes the two cases of ReasonSessionUnknown. It is
	// true if the user has no session of that id. It is false if the session
	// exists but does not know the token, because the database lost a write.
	SessionMissing bool
	// Err is the cause. It is logged and never shown.
	Err error
}

// InvalidField is one invalid input of a request.
type InvalidField struct {
	Field   string // its GraphQL name
	Message string // safe to show to the client
}

// InvalidFields returns all invalid inputs that an error names.
func (e *Error) InvalidFields() []InvalidField {
	if len(e.Fields) == 0 && e.Field != "" {
		return []InvalidField{{e.Field, e.Message}}
	}
	return e.Fields
}

// Error returns the message that is safe to show. Unwrap returns the cause.
func (e *Error) Error() string {
	if e.Reason != "" {
		return fmt.Sprintf("%s: %s", e.Reason, e.Message)
	}
	return fmt.Sprintf("%s: %s", e.Code, e.Message)
}

// Unwrap returns the cause, or nil.
func (e *Error) Unwrap() error { return e.Err }

// Retryable reports whether the same request may succeed later. Nothing was
// consumed; see unacknowledgedSwaps for a refresh without an idempotency key.
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

// Cause returns the cause of the Error in err's chain, for the log. Without a
// cause it returns err itself.
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

// joinBadInput returns one error for all invalid inputs, or nil if every err is
// nil. An error under another code is returned as it is.
func joinBadInput(errs ...error) error {
	var all *Error
	for _, err := range errs {
		e := AsError(err)
		switch {
		case e == nil:
			continue
		case e.Code != CodeBadUserInput:
			return err
		case all == nil:
			all = &Error{Code: e.Code, Message: e.Message, Field: e.Field, Fields: e.InvalidFields(), Err: e.Err}
		default:
			all.Message += "; " + e.Message
			all.Fields = append(all.Fields, e.InvalidFields()...)
		}
	}
	if all == nil {
		return nil // not a nil *Error
	}
	return all
}

// Unavailable returns a retryable error: something that rekey needs did not
// answer, and it is not certain that anything changed. It never becomes a 401.
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

// By adds the limit that refused, and returns the error.
func (e *Error) By(l Limit) *Error {
	e.Limit = &l
	return e
}

// TokenFault is the reason why a token does not verify.
type TokenFault int

// The faults. If a token has several, the one that the legacy service reported
// counts. It decoded the header (FaultBase64, FaultJSON), then the claims, then
// checked the algorithm, and only then decoded the signature. Of the times, it
// reported FaultNotYetValid before FaultIssuedInFuture before FaultExpired.
const (
	FaultTooLong        TokenFault = iota + 1 // over MaxTokenBytes
	FaultSegments                             // not three segments
	FaultBase64                               // a segment is not base64url; Offset
	FaultJSON                                 // header or claims are not JSON, or of the wrong type; Detail
	FaultAlgorithm                            // alg is not ES256; Algorithm
	FaultHeader                               // the header has crit, which is refused
	FaultSignature                            // wrong signature, or not canonically encoded
	FaultClaims                               // exp missing, duplicate members, trailing data; Detail
	FaultExpired                              // exp has passed; ExpiredBy
	FaultNotYetValid                          // nbf in the future
	FaultIssuedInFuture                       // iat in the future
)

// byClock reports whether a skewed clock finds this fault in a valid token.
func (f TokenFault) byClock() bool {
	return f == FaultExpired || f == FaultNotYetValid || f == FaultIssuedInFuture
}

// TokenFailure describes a fault in enough detail to word it as the legacy
// service did. It never contains the token.
type TokenFailure struct {
	Fault     TokenFault
	Offset    int64         // FaultBase64: input byte
	Detail    string        // FaultJSON, FaultClaims: the error of encoding/json, or what is wrong
	Algorithm string        // FaultAlgorithm: the token's alg, at most 32 bytes
	ExpiredBy time.Duration // FaultExpired: whole seconds
}

// InvalidToken returns the error for a token that does not verify. The reason is
// ReasonTokenExpired for FaultExpired, and ReasonTokenInvalid for all others.
func InvalidToken(f TokenFailure) *Error {
	e := Unauthenticated(ReasonTokenInvalid, "token is invalid")
	if f.Fault == FaultExpired {
		e = Unauthenticated(ReasonTokenExpired, "token has expired")
	}
	e.Token = &f
	return e
}

// LogError logs an error that a transport returns to a client, because the status
// does not show it: for GraphQL it may be 200, and for the legacy route a
// blacklisted token is a 500. Errors that the client did not cause are logged
// with their cause. An outage is not logged if the client disconnected, which may
// have caused it. A refusal always is: the client may have closed its side of the
// connection only. A refusal by a limit names the limit, the kind of its key and the
// client's address. Empty attributes are omitted.
func LogError(ctx context.Context, log *slog.Logger, transport Transport, e *Error, more ...slog.Attr) {
	level, message := slog.LevelInfo, "request refused"
	switch {
	case e.Code == CodeInternal:
		level, message = slog.LevelError, "request failed"
	case e.Code == CodeUnavailable && errors.Is(ctx.Err(), context.Canceled):
		return
	case e.Code == CodeUnavailable:
		level, message = slog.LevelWarn, "request failed"
	}
	attrs := append([]slog.Attr{slog.String("transport", string(transport))}, more...)
	attrs = append(attrs,
		slog.String("code", string(e.Code)),
		slog.String("reason", string(e.Reason)))
	if e.Limit != nil {
		attrs = append(attrs,
			slog.String("limit", e.Limit.Name),
			slog.String("limit_key", e.Limit.By),
			slog.String("address", ClientFrom(ctx).Address))
	}
	attrs = append(attrs,
		slog.String("request_id", ClientFrom(ctx).RequestID),
		slog.String("session_id", SessionFrom(ctx)),
		slog.Any("error", e.Err))
	log.LogAttrs(ctx, level, message, slices.DeleteFunc(attrs, func(a slog.Attr) bool {
		return a.Value.Any() == nil || a.Value.Equal(slog.StringValue(""))
	})...)
}

// CeilSeconds rounds up to the whole seconds of an answer: a client that waits
// that long must not be too early.
func CeilSeconds(d time.Duration) int {
	return int((max(0, d) + time.Second - 1) / time.Second)
}

// RetrySeconds returns how many seconds the client of a retryable error should
// wait, at least one.
func (e *Error) RetrySeconds() int { return max(1, CeilSeconds(e.RetryAfter)) }
