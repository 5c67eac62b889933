// Package auth is the core of rekey: the use cases (sign up, log in, refresh,
// log out, ...), their values, the one error type and the small interfaces that
// the core needs.
//
// It does not know transports, SQL, Redis or JWT libraries. Transports translate
// their protocol into calls of [Service]. The wiring passes stores, token codecs
// and caches to it as implementations of interfaces. Those that most use cases
// need are in ports.go, the others next to their users.
package auth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"
)

// ReuseAction names the reaction to an old refresh token.
type ReuseAction string

// The actions on reuse.
const (
	// ReuseRevoke revokes the session (RFC 9700 section 4.14.2). It is the default.
	ReuseRevoke ReuseAction = "revoke"
	// ReuseReject refuses the token and records an event, as the legacy service
	// did. It revokes nothing, so that operators can try the detection out.
	ReuseReject ReuseAction = "reject"
)

// Settings are the durations and choices of the use cases. Five durations begin
// with a rotation.
type Settings struct {
	AccessTTL        time.Duration // lifetime of an access token
	RefreshTTL       time.Duration // lifetime of a refresh token: the idle expiry
	SessionTTL       time.Duration // lifetime of a session: the absolute expiry
	ReuseWindow      time.Duration // a replaced token counts as a race, not as theft
	RefreshGrace     time.Duration // the parent gets the same pair without a key, through GraphQL
	RefreshGraceREST time.Duration // the same through REST, for the user agent of the rotation
	RetryTTL         time.Duration // the parent gets the same pair with its key
	AccessOverlap    time.Duration // the parent's access token still works
	ClockLeeway      time.Duration // how much clocks may differ
	RecentAuth       time.Duration // a proof of a credential is recent
	ReuseAction      ReuseAction
	MaxSessions      int           // of one user; 0: no maximum
	NotifyNewLogin   bool          // mail the account about a login from a new agent or network
	DeletionGrace    time.Duration // between the deletion of an account and its erasure; 0: at once

	EmailVerification EmailVerification
}

// Options configure New. All fields are required, except Limits, Breached,
// Observer, Logger and those of mail.
type Options struct {
	Settings
	Store     Store
	Tokens    Tokens
	Blacklist Blacklist
	Limiter   Limiter
	Limits    Limits // the zero value: DefaultLimits
	Events    Events
	Passwords *Passwords
	Breached  BreachedPasswords // nil: leaked passwords are not refused
	Observer  Observer
	// Logger receives failures that are not returned to a caller, with their
	// cause. Without it they are discarded.
	Logger *slog.Logger
	// Now is the clock. Every operation reads it once, and again after it has
	// waited for something other than its statements.
	Now func() time.Time
	// RotationKeys returns the keys that derive the next secret from the
	// presented one. The first one derives new secrets. The others only find
	// secrets that were derived with them earlier, by this replica or another.
	// There is at least one, and each has at least 32 bytes.
	RotationKeys func() [][]byte

	Outbox Outbox
	Sealer Sealer
	// SendsMail reports whether mail is configured. If it is not, nothing is
	// written to the outbox.
	SendsMail bool
	// AppURL is the address of the pages for people. Links in mails open /account
	// there. Without it, no mail with a link is sent.
	AppURL string
	// OnMail, unless nil, is called after a mail was written to the outbox. It must
	// not block.
	OnMail func()
}

// Service is the core. It has one method for each use case of rekey, and no
// exported field, so that no caller can bypass a rule. It is safe for
// concurrent use.
type Service struct {
	settings     Settings
	store        Store
	tokens       Tokens
	cache        Blacklist
	limiter      Limiter
	limits       Limits
	events       Events
	passwords    *Passwords
	breached     BreachedPasswords
	observer     Observer
	logger       *slog.Logger
	now          func() time.Time
	rotationKeys func() [][]byte
	outbox       Outbox
	sealer       Sealer
	sendsMail    bool
	onMail       func()
	appURL       string

	clockSkewed    atomic.Bool
	unacknowledged unacknowledgedSwaps
	confirmed      confirmedTokens
	deletions      atomic.Pointer[DeletionBacklog]
}

// FixedKeys returns rotation keys that never change.
func FixedKeys(keys ...[]byte) func() [][]byte { return func() [][]byte { return keys } }

// New returns a Service. Its error names all required options that are missing.
func New(o Options) (*Service, error) {
	var errs []error
	for name, missing := range map[string]bool{
		"store": o.Store == nil, "tokens": o.Tokens == nil, "blacklist": o.Blacklist == nil,
		"limiter": o.Limiter == nil, "events": o.Events == nil, "passwords": o.Passwords == nil,
		"clock": o.Now == nil, "rotation keys": o.RotationKeys == nil,
	} {
		if missing {
			errs = append(errs, fmt.Errorf("core: no %s", name))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Service{
		settings: o.Settings, store: o.Store, tokens: o.Tokens, cache: o.Blacklist, limiter: o.Limiter,
		limits: o.Limits.orDefault(), events: o.Events, passwords: o.Passwords, breached: o.Breached, observer: o.Observer, logger: o.Logger,
		now: o.Now, rotationKeys: o.RotationKeys,
		outbox: o.Outbox, sealer: o.Sealer, sendsMail: o.SendsMail, onMail: o.OnMail, appURL: o.AppURL,
	}, nil
}

// warn logs a failure that is not returned to the caller.
func (s *Service) warn(ctx context.Context, message string, err error) {
	s.logger.WarnContext(ctx, message, "error", Cause(err))
}
