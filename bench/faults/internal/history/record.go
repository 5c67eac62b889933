package history

import "time"

// Kind is what was asked for.
type Kind string

// The kinds.
const (
	Login  Kind = "login"
	Rotate Kind = "rotate"
	Access Kind = "access"
	Logout Kind = "logout"
	// Blacklist is of one access token.
	Blacklist Kind = "blacklist"
	// Landed was asked of nobody: at End the database was seen to have rotated
	// the generation.
	Landed Kind = "landed"
)

// Outcome is what a request came to.
type Outcome string

// The outcomes.
const (
	Done        Outcome = "done"
	Refused     Outcome = "refused"     // told that the token is no good; Reason says why
	Unavailable Outcome = "unavailable" // told to try again
	Cut         Outcome = "cut"         // no answer, or half of one: whether it happened is unknown
	Strange     Outcome = "strange"     // an answer that should not be; Reason has it
)

// Record is one request and its answer. Times are since the log was begun.
type Record struct {
	Session int // number of the session
	Kind    Kind
	// Gen is the generation of the presented token: 1 after login, one more
	// with each rotation.
	Gen       int
	Key       int // number of the idempotency key; 0: none
	Replica   int
	Transport string
	// Twin: the token was presented in the other spelling of its signature.
	Twin bool
	// Replay: sent on purpose with a token that is used, or as one of a race.
	// A refusal is nobody's loss.
	Replay     bool
	Start, End time.Duration
	Outcome    Outcome
	Reason     string
	// Child and Pair identify what a rotation was answered with: the child's
	// secret, and both tokens byte for byte.
	Child, Pair Print
}

// Print identifies a text without holding it. The zero Print is none.
type Print [8]byte
