package auth

import (
	"context"
	"errors"
	"strings"
)

// Step is a use case or a part of one that takes its time. Its text is a
// metric's label and the name of a span.
type Step string

// The steps. The first ones are use cases, the others parts of them.
const (
	StepSignUp  Step = "sign_up"
	StepLogin   Step = "login"
	StepRefresh Step = "refresh"
	StepGuard   Step = "guard"  // a refresh token is looked at and left as it is
	StepAccess  Step = "access" // an access token is checked
	StepLogout  Step = "logout"

	StepMe             Step = "me"
	StepSession        Step = "session"
	StepSessions       Step = "sessions"
	StepRevokeSession  Step = "revoke_session"
	StepEndSessions    Step = "end_sessions" // a logout of several
	StepChangePassword Step = "change_password"
	StepSecurityEvents Step = "security_events"
	StepIsBlacklisted  Step = "is_blacklisted"
	StepBlacklistToken Step = "blacklist_token"

	StepAPIKey      Step = "api_key" // an API key is checked
	StepIntrospect  Step = "introspect"
	StepRevokeToken Step = "revoke_token"

	StepSwap      Step = "swap"       // the statement that rotates
	StepSign      Step = "sign"       // both tokens of a pair
	StepHash      Step = "hash"       // a password, its turn having come
	StepHashQueue Step = "hash_queue" // what a password waits for its turn
)

// UseCases returns the steps that are use cases: all that a transport calls.
func UseCases() []Step {
	return []Step{
		StepSignUp, StepLogin, StepRefresh, StepGuard, StepAccess, StepLogout,
		StepMe, StepSession, StepSessions, StepRevokeSession, StepEndSessions, StepChangePassword,
		StepSecurityEvents, StepIsBlacklisted, StepBlacklistToken,
		StepAPIKey, StepIntrospect, StepRevokeToken,
	}
}

// Parts returns the steps that are parts of use cases.
func Parts() []Step { return []Step{StepSwap, StepSign, StepHash, StepHashQueue} }

// Observer is told of steps, for metrics and traces. It stands on the way of
// every request: it must not block and cannot fail. It is safe for concurrent use.
type Observer interface {
	// Begin is called when a step begins, and end once when it ends, with what
	// it came to. What the step does runs under the context that it returns.
	// For a part of a use case c is zero.
	Begin(ctx context.Context, s Step, c Client) (_ context.Context, end func(error))
}

// Observers tells all of several; it may be none.
type Observers []Observer

// Begin tells all that a step begins.
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

// errPanicked is what a step that panicked came to: it counts as any error
// that nobody expected.
var errPanicked = errors.New("a panic ended the step")

// observe begins a step. What it returns is to be deferred, with where the
// step's error will be; a panic goes on, with the stack that it had. o may be nil.
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

// What steps come to, beside reasons and codes.
const (
	OutcomeOK       = "ok"
	OutcomeMovedOn  = "moved_on" // a swap found no row
	OutcomeCanceled = "canceled" // the client went away
)

// Outcome is what a step that ended with err came to, in one word: a reason or
// a code in lower case, or one of the constants. It tells nothing of the cause.
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
