package auth

import (
	"context"
	"errors"
	"time"
)

// TokenPurpose names the use of a one-time token. A token for one purpose
// is never accepted for another.
type TokenPurpose string

// The purposes.
const (
	PurposeVerifyEmail     TokenPurpose = "verify_email"
	PurposeCompleteSignUp  TokenPurpose = "complete_sign_up" // without a user until it is used
	PurposeResetPassword   TokenPurpose = "reset_password"
	PurposeLogin           TokenPurpose = "login"
	PurposeConfirmEmail    TokenPurpose = "confirm_email"  // mailed to the address that is to be the account's
	PurposeReauthenticate  TokenPurpose = "reauthenticate" // a code only
	PurposeUndoEmailChange TokenPurpose = "undo_email_change"
	PurposeCancelDeletion  TokenPurpose = "cancel_deletion"
)

// UndoPurposes returns the purposes of tokens that undo a change. A change that
// raises the epoch voids the user's other tokens, but not these: a thief must not
// void what the owner can undo the theft with.
func UndoPurposes() []TokenPurpose {
	return []TokenPurpose{PurposeUndoEmailChange, PurposeCancelDeletion}
}

// MaxLiveTokens is how many unused tokens of one purpose an address has at most.
// It is more than one, so that the request of a stranger does not invalidate the
// link that the owner has just received.
const MaxLiveTokens = 3

// MaxCodeTries is how many codes may be tried at an account within CodeTriesWindow,
// right or wrong, whatever their purpose and however many mails were sent.
const MaxCodeTries = 5

// CodeTTL is how long a code is valid. Its link may be valid for longer.
const CodeTTL = 10 * time.Minute

// CodeTriesWindow is how far back tries count. A token that is older than it by
// CodeTTL has no tries within it.
const CodeTriesWindow = time.Hour

// OneTimeToken is a secret that was mailed as a link, and the code in the same
// mail. Only their hash and their MAC are stored.
type OneTimeToken struct {
	Hash     SecretHash // of the link's token
	Purpose  TokenPurpose
	UserID   string // empty for an address without an account; nobody can use it
	EmailKey string // of the address that it was mailed to
	// CodeMAC authenticates the code together with the purpose and the account. It
	// is nil if the mail has no code.
	CodeMAC *SecretHash
	// Payload is what the use needs to know; it depends on the purpose.
	Payload   string
	Tries     int // of codes
	CreatedAt time.Time
	ExpiresAt time.Time
	UsedAt    *time.Time
}

// TokenIssue is a one-time token to store.
type TokenIssue struct {
	Token OneTimeToken
	Epoch int64 // of the user, as the caller read it
	// Replace deletes the oldest of MaxLiveTokens tokens. It is for requests of
	// the account's own sessions. Otherwise a token over the maximum is not stored:
	// the owner has the mails of the others.
	Replace bool
	// Undo, unless nil, is a token of the same user that undoes what Token allows. It
	// is stored together with Token, and no maximum counts it.
	Undo *OneTimeToken
	// Mails adds the mails of the event even if the token has no user. Otherwise
	// such a token answers a request for an address without an account, and nobody
	// gets a mail.
	Mails bool
}

// Redemption is the use of a one-time token, in the transaction of its effect. It
// succeeds if the token belongs to the user, has the purpose, was not used and has
// not expired.
type Redemption struct {
	Hash    SecretHash
	Purpose TokenPurpose
	// Payload, unless empty, replaces that of the used token, which is kept until
	// it expires. A repeated request can then get the same answer.
	Payload string
}

// CodeTry is an attempt at the codes of an account.
type CodeTry struct {
	UserID  string
	Purpose TokenPurpose
	// MACs are those of the code that was entered, under each key.
	MACs []SecretHash
	At   time.Time
}

// ErrTooManyTries is returned by a Store if MaxCodeTries codes were tried at an
// account.
var ErrTooManyTries = errors.New("too many codes were tried")

// OneTimeTokens stores one-time tokens. It has the error rules of Store. Changes
// use them up together with their effect: see EndSessions.
type OneTimeTokens interface {
	// IssueToken stores a token, and the event in the same transaction. It returns
	// false if the address has MaxLiveTokens already. It returns ErrMovedOn if the
	// token's user does not exist, is disabled or has another epoch. It is
	// serialised with changes that raise the epoch. For a token without a user it
	// runs the same statements, whether or not it adds the mails.
	IssueToken(ctx context.Context, issue TokenIssue, e *Event) (bool, error)
	// OneTimeToken returns a token, used or expired or neither. It returns
	// ErrNotFound if no token has the hash.
	OneTimeToken(ctx context.Context, hash SecretHash) (OneTimeToken, error)
	// TryCode counts a try, and returns the token whose code has one of the MACs,
	// used or not. It returns ErrNotFound if the account has no such code that is
	// younger than CodeTTL, and ErrTooManyTries without comparing anything if the
	// account has no try left. Tries of one account are serialised.
	TryCode(ctx context.Context, try CodeTry) (OneTimeToken, error)
}
