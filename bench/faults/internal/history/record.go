package history

import "time"

// Kind names the kind of a request.
type Kind string

// The kinds.
const (
	Login  Kind = "login"
	Rotate Kind = "rotate"
	Access Kind = "access"
	Logout Kind = "logout"
	// Blacklist blacklists one access token.
	Blacklist Kind = "blacklist"
	// Reset sets the password by a mailed link, which ends the session.
	Reset Kind = "reset"
	// EndedBy is a copy of a reset for another session that it ends.
	EndedBy Kind = "ended by a reset"
	// Password tries a password by a login.
	Password Kind = "password"
	// Mail is a mail that did not arrive.
	Mail Kind = "mail"
	// Landed is not a request: at End, the database showed that the generation
	// had been rotated.
	Landed Kind = "landed"
)

// Outcome names the outcome of a request.
type Outcome string

// The outcomes.
const (
	Done        Outcome = "done"
	Refused     Outcome = "refused"     // the token was refused; Reason says why
	Unavailable Outcome = "unavailable" // the client was asked to retry
	Cut         Outcome = "cut"         // no answer, or a part of one: the outcome is unknown
	Strange     Outcome = "strange"     // an answer outside the API; Reason contains it
)

// Record is one request and its answer. Times are since the log was begun.
type Record struct {
	Session int // number of the session
	Kind    Kind
	// Gen is the generation of the presented token: 1 after login, plus one for
	// each rotation.
	Gen int
	Key int // number of the idempotency key; 0 if there is none
	// Link is the number of a mailed link, and Password that of a password: 0 is the
	// first one of the account.
	Link, Password int
	Replica        int
	Transport      string
	// Twin marks a request with the other spelling of the token's signature.
	Twin bool
	// Replay marks a request that was deliberately sent with a used token, or as
	// one of several racers. A refusal costs no client its session.
	Replay     bool
	Start, End time.Duration
	Outcome    Outcome
	Reason     string
	// Child and Pair identify the answer to a rotation: the child's secret, and
	// both tokens byte for byte.
	Child, Pair Print
}

// Print identifies a text without holding it. The zero Print identifies no text.
type Print [8]byte
