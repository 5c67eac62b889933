package auth

import (
	"context"
	"errors"
	"strings"
)

// Step is a use case, or a part of one that takes time. Its text is the label
// of a metric and the name of a span.
type Step string

// The steps. Each is returned by UseCases or by Parts.
const (
	StepSignUp  Step = "sign_up"
	StepLogin   Step = "login"
	StepRefresh Step = "refresh"
	StepGuard   Step = "guard"  // checks a refresh token without using it
	StepAccess  Step = "access" // checks an access token
	StepLogout  Step = "logout"

	StepRecentAccess Step = "recent_access" // checks an access token, and that a credential was proved recently

	StepMe             Step = "me"
	StepNode           Step = "node"
	StepSession        Step = "session"
	StepSessions       Step = "sessions"
	StepRevokeSession  Step = "revoke_session"
	StepEndSessions    Step = "end_sessions" // a logout of several sessions
	StepChangePassword Step = "change_password"
	StepUpdateProfile  Step = "update_profile"

	StepReauthenticate Step = "reauthenticate"
	StepRequestReauth  Step = "request_reauthentication"

	StepRequestPasswordReset Step = "request_password_reset"
	StepResetPassword        Step = "reset_password"

	StepRequestLoginEmail Step = "request_login_email"
	StepLoginWithEmail    Step = "login_with_email"

	StepRequestEmailVerification Step = "request_email_verification"
	StepVerifyEmail              Step = "verify_email"
	StepRequestSignUp            Step = "request_sign_up"
	StepCompleteSignUp           Step = "complete_sign_up"

	StepDeleteAccount  Step = "delete_account"
	StepCancelDeletion Step = "cancel_deletion"

	StepRequestEmailChange Step = "request_email_change"
	StepConfirmEmailChange Step = "confirm_email_change"
	StepUndoEmailChange    Step = "undo_email_change"

	StepSecurityEvents Step = "security_events"
	StepIsBlacklisted  Step = "is_blacklisted"
	StepBlacklistToken Step = "blacklist_token"

	StepAPIKey      Step = "api_key" // checks an API key
	StepIntrospect  Step = "introspect"
	StepRevokeToken Step = "revoke_token"

	StepSwap      Step = "swap"       // the statement that rotates a session
	StepSign      Step = "sign"       // signing both tokens of a pair
	StepHash      Step = "hash"       // hashing a password
	StepHashQueue Step = "hash_queue" // waiting to hash a password
)

// UseCases returns the steps that transports call.
func UseCases() []Step {
	return []Step{
		StepSignUp, StepLogin, StepRefresh, StepGuard, StepAccess, StepRecentAccess, StepLogout,
		StepMe, StepNode, StepSession, StepSessions, StepRevokeSession, StepEndSessions, StepChangePassword, StepUpdateProfile,
		StepRequestPasswordReset, StepResetPassword,
		StepRequestLoginEmail, StepLoginWithEmail,
		StepReauthenticate, StepRequestReauth,
		StepRequestEmailVerification, StepVerifyEmail, StepRequestSignUp, StepCompleteSignUp,
		StepDeleteAccount, StepCancelDeletion,
		StepRequestEmailChange, StepConfirmEmailChange, StepUndoEmailChange,
		StepSecurityEvents, StepIsBlacklisted, StepBlacklistToken,
		StepAPIKey, StepIntrospect, StepRevokeToken,
	}
}

// Parts returns the steps that are parts of use cases.
func Parts() []Step { return []Step{StepSwap, StepSign, StepHash, StepHashQueue} }

// Observer receives steps, for metrics and traces. Every request waits for it:
// it must not block and cannot fail. It is safe for concurrent use.
type Observer interface {
	// Begin is called when a step begins. The step runs under the returned
	// context. end is called once when the step ends, with its error. For a part
	// of a use case c is zero.
	Begin(ctx context.Context, s Step, c Client) (_ context.Context, end func(error))
}

// Observers passes steps to several observers, or to none.
type Observers []Observer

// Begin passes the beginning of a step to all observers.
func (o Observers) Begin(ctx context.Context, s Step, c Client) (context.Context, func(error)) {
	switch len(o) {
	case 0:
		return ctx, func(error) {}
	case 1:
		return o[0].Begin(ctx, s, c)
	}
	ends := make([]func(error), len(o))
	for i, each := range o {
		ctx, ends[i] = each.Begin(ctx, s, c)
	}
	return ctx, func(err error) {
		for _, end := range ends {
			end(err)
		}
	}
}

// errPanicked is the error of a step that panicked. It counts as an internal
// error.
var errPanicked = errors.New("a panic ended the step")

// observe begins a step. The caller defers the returned function with the
// address of its error result. A panic continues with its original stack. o may
// be nil.
func observe(ctx context.Context, o Observer, s Step, c Client) (context.Context, func(*error)) {
	if o == nil {
		return ctx, func(*error) {}
	}
	ctx, end := o.Begin(ctx, s, c)
	return ctx, func(err *error) {
		if panicked := recover(); panicked != nil {
			end(errPanicked)
			panic(panicked)
		}
		end(*err)
	}
}

// The outcomes of steps, besides reasons and codes.
const (
	OutcomeOK       = "ok"
	OutcomeMovedOn  = "moved_on" // a swap found no row
	OutcomeCanceled = "canceled" // the client disconnected
)

// Outcome returns the outcome of a step that ended with err, in one word: a
// reason or a code in lower case, or one of the constants. It reveals nothing
// of the cause.
func Outcome(err error) string {
	switch {
	case err == nil:
		return OutcomeOK
	case errors.Is(err, ErrMovedOn):
		return OutcomeMovedOn
	case errors.Is(err, context.Canceled):
		return OutcomeCanceled
	}
	e := AsError(err)
	if e.Reason != "" {
		return strings.ToLower(string(e.Reason))
	}
	return strings.ToLower(string(e.Code))
}
