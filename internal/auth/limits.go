package auth

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// limitID is a row of the table of limits.
type limitID int

const (
	// Requests whose token verifies count by session, so that people behind one
	// address do not limit each other. All others count by client address.
	limitAddress  limitID = iota // requests that failed
	limitDocument                // GraphQL documents
	limitRefresh
	limitAccess
	limitSignUp
	limitBlacklist // single tokens by user: each is a row until it expires
	limitProfile
	limitDeletion

	// Requests for mails are checked in one call, the narrowest limit first. They
	// count by address of the recipient whether or not it has an account. A known
	// device has a budget of its own, so that strangers cannot use up the owner's.
	limitMailNetwork
	limitMailMinute
	limitMailDay
	limitMailDevice
	limitVerifyMinute // by the account, whose session or password was proved
	limitVerifyDay
	limitMail

	limitEmailChange      // each also mails the present address
	limitReauthMailMinute // by the account, whose session was proved
	limitReauthMailDay

	// Proofs of a credential in a session. A session has the narrower limit, so that
	// a stolen one does not use up the account's.
	limitReauthSession
	limitReauthAccount

	limitTokenUse // uses of links and codes

	// The limits of a stranger's login are checked in one call. Attempts at one
	// account from one address are limited more than all attempts at the account
	// together. Known devices and sessions have budgets of their own, so that
	// strangers cannot lock the owner out.
	limitLoginPair
	limitLoginAddress
	limitLoginAccount
	limitLoginDevice
	limitChangePassword

	limitKey       // streams by API key
	limitKeyCall   // other calls by API key: a resource server makes one for each request that it serves
	limitKeyLookup // presented API keys by client address, valid or not: each costs a query

	// The journal records a sample of the attempts that failed, and of the changes
	// that a user can make in a loop, so that nobody can fill the disk; the log and
	// the metrics have all of them. Of failures, a replica records at most 10 a
	// second, about 300 MB a day. Of one user's changes, it records at most 300 of
	// each kind a day after the first 100.
	limitJournal
	limitJournalAddress // one address cannot use up the sample of all
	limitJournalSubject // of one account or session
	limitJournalLimited // events that attempts at an account are limited
	limitJournalUser    // of the changes of one user, those of each kind that may be sampled
)

// limitCount is the number of rows. It comes last.
const limitCount = limitJournalUser + 1

// Limits is a table of limits, with one row for each.
type Limits [limitCount]Limit

// DefaultLimits returns the table that is in effect unless the operator changes
// rows.
func DefaultLimits() Limits {
	return Limits{
		limitAddress:  {Name: "address", Counts: "requests without a valid token", By: "address", Rate: 10, Burst: 30},
		limitDocument: {Name: "document", Counts: "GraphQL documents", By: "address", Rate: 200, Burst: 600, PerReplica: true},
		limitRefresh:  {Name: "refresh", Counts: "refreshes", By: "session", Rate: 10, Burst: 30},
		limitAccess:   {Name: "access", Counts: "requests with an access token", By: "session", Rate: 50, Burst: 200, PerReplica: true},
		limitSignUp:   {Name: "sign_up", Counts: "sign-ups", By: "address", Rate: 0.2, Burst: 10},

		limitBlacklist: {Name: "blacklist", Counts: "blacklisting single tokens", By: "user", Rate: 0.2, Burst: 30},
		limitProfile:   {Name: "profile", Counts: "changes of the profile", By: "user", Rate: 0.2, Burst: 30},
		limitDeletion:  {Name: "delete_account", Counts: "deletions of the own account", By: "user", Rate: 1. / 600, Burst: 5},

		limitMailNetwork: {Name: "mail_network", Counts: mailRequests, By: "address", Rate: 1. / 60, Burst: 10, Group: "mail"},
		// Private: the remaining requests would show strangers when the owner asks.
		limitMailMinute:   {Name: "mail_minute", Counts: mailRequests + strangersMail, By: "recipient", Rate: 1. / 60, Burst: 1, Group: "mail", Private: true},
		limitMailDay:      {Name: "mail_day", Counts: mailRequests + strangersMail, By: "recipient", Rate: 10. / 86400, Burst: 10, Group: "mail", Private: true},
		limitMailDevice:   {Name: "mail_device", Counts: mailRequests + " from known devices", By: "account and device", Rate: 1. / 600, Burst: 3, Group: "mail"},
		limitVerifyMinute: {Name: "verify_minute", Counts: mailRequests + toVerify, By: "account", Rate: 1. / 60, Burst: 1, Group: "mail"},
		limitVerifyDay:    {Name: "verify_day", Counts: mailRequests + toVerify, By: "account", Rate: 5. / 86400, Burst: 5, Group: "mail"},
		limitMail:         {Name: "mail", Counts: mailRequests, Rate: 5, Burst: 500, Group: "mail", Private: true},

		limitEmailChange:      {Name: "email_change", Counts: "requests to change the address", By: "user", Rate: 5. / 86400, Burst: 5},
		limitReauthMailMinute: {Name: "reauthenticate_mail_minute", Counts: mailRequests + toReauthenticate, By: "account", Rate: 1. / 60, Burst: 1, Group: "mail"},
		limitReauthMailDay:    {Name: "reauthenticate_mail_day", Counts: mailRequests + toReauthenticate, By: "account", Rate: 10. / 86400, Burst: 10, Group: "mail"},

		limitReauthSession: {Name: "reauthenticate_session", Counts: reauthentications, By: "session", Rate: 1. / 30, Burst: 10, Group: "reauthenticate"},
		limitReauthAccount: {Name: "reauthenticate_account", Counts: reauthentications, By: "account", Rate: 0.5, Burst: 50, Group: "reauthenticate"},

		limitTokenUse: {Name: "one_time_token", Counts: "uses of links and codes from mails", By: "address", Rate: 0.2, Burst: 20},

		limitLoginPair: {Name: "login_pair", Counts: strangersLogins, By: "account and address", Rate: 0.2, Burst: 10, Group: "login"},
		// It only bounds how many accounts one address tries: an address has its share
		// of the hashQueue. A narrow or reported budget would show those behind the
		// address how often others fail, and let them lock each other out.
		limitLoginAddress: {Name: "login_address", Counts: strangersLogins, By: "address", Rate: 5, Burst: 300, Group: "login", Private: true},
		// Private: the remaining requests would show strangers when the owner logs in.
		limitLoginAccount:   {Name: "login_account", Counts: strangersLogins, By: "account", Rate: 1, Burst: 50, Group: "login", Private: true},
		limitLoginDevice:    {Name: "login_device", Counts: "logins on a known device", By: "account and device", Rate: 0.2, Burst: 30, Group: "login"},
		limitChangePassword: {Name: "change_password", Counts: "password changes", By: "session", Rate: 0.2, Burst: 30, Group: "login"},

		limitKey:       {Name: "api_key", Counts: "streams opened with an API key", By: "API key", Rate: 10, Burst: 30},
		limitKeyCall:   {Name: "api_key_call", Counts: "introspection and revocation", By: "API key", Rate: 200, Burst: 600, PerReplica: true},
		limitKeyLookup: {Name: "api_key_lookup", Counts: "lookups of API keys", By: "address", Rate: 200, Burst: 600, PerReplica: true},

		limitJournal:        {Name: "journal", Counts: journalRows, Rate: 10, Burst: 1000, PerReplica: true, Private: true},
		limitJournalAddress: {Name: "journal_address", Counts: journalRows, By: "address", Rate: 0.1, Burst: 100, PerReplica: true, Private: true},
		limitJournalSubject: {Name: "journal_subject", Counts: journalRows, By: "account or session", Rate: 1. / 300, Burst: 20, PerReplica: true, Private: true},
		limitJournalLimited: {Name: "journal_limited", Counts: "journal rows for limited logins", By: "account", Rate: 1. / 300, Burst: 1, PerReplica: true, Private: true},
		limitJournalUser:    {Name: "journal_user", Counts: "journal rows for changes that need not all be recorded; refuses nobody", By: "user and kind", Rate: 1. / 300, Burst: 100, PerReplica: true, Private: true},
	}
}

const (
	mailRequests  = "requests for mails"
	strangersMail = " from unknown devices"
	toVerify      = " that verify the address, by sessions and refused logins"
)

const (
	toReauthenticate  = " with a code to reauthenticate"
	reauthentications = "proofs of a credential in a session"
)

const strangersLogins = "logins on unknown devices"

const journalRows = "journal rows for failed attempts; refuses nobody"

// Named returns the row with a name, to change it, or nil.
func (t *Limits) Named(name string) *Limit {
	for i := range t {
		if t[i].Name == name {
			return &t[i]
		}
	}
	return nil
}

func (t Limits) orDefault() Limits {
	if t == (Limits{}) {
		return DefaultLimits()
	}
	return t
}

// check returns the check of a key under a limit.
func (t *Limits) check(l limitID, key string) Check { return Check{t[l], key} }

func (s *Service) allow(ctx context.Context, l limitID, key string) error {
	return allow(ctx, s.limiter, s.limits.check(l, key))
}

func allow(ctx context.Context, limiter Limiter, checks ...Check) error {
	if refusal := limiter.Allow(ctx, checks...); refusal.Wait > 0 {
		return RateLimited(refusal.Wait).By(refusal.Limit)
	}
	return nil
}

// Admit counts a GraphQL document by its client's address before it is parsed.
// It returns CodeRateLimited.
func (s *Service) Admit(ctx context.Context, c Client) error {
	return s.allow(ctx, limitDocument, AddressKey(c.Address))
}

// allowLogin counts one attempt to log in. It reports whether the attempt counts
// under the budget of a known device. A device that has used up its budget
// counts as a stranger, so that a stolen value locks nobody out.
func (s *Service) allowLogin(ctx context.Context, known *device, account string, now time.Time, c Client) (ofDevice bool, err error) {
	if known != nil && s.allow(ctx, limitLoginDevice, known.budget()) == nil {
		return true, nil
	}
	return false, s.allowAttempt(ctx, account, now, c)
}

// allowAttempt counts a stranger's attempt at a password, in one call of the
// limiter. An attempt that a narrower limit refuses does not count against a
// wider one: a single address cannot use up the account's budget, nor a single
// account that of its address.
func (s *Service) allowAttempt(ctx context.Context, account string, now time.Time, c Client) error {
	addr := AddressKey(c.Address)
	err := allow(ctx, s.limiter,
		s.limits.check(limitLoginPair, account+" "+addr), s.limits.check(limitLoginAddress, addr), s.limits.check(limitLoginAccount, account))
	if err != nil {
		s.attemptLimited(ctx, account, now, c)
	}
	return err
}

// allowChange counts an attempt to change a password by its session, which has
// proved the password.
func (s *Service) allowChange(ctx context.Context, caller Caller, account string, now time.Time, c Client) error {
	err := s.allow(ctx, limitChangePassword, caller.SessionID)
	if err != nil {
		s.attemptLimited(ctx, account, now, c)
	}
	return err
}

// allowMail counts a request for a mail to an address. ofDevice reports that it
// counts under the budget of a known device. A device that has used up its budget
// counts as unknown.
func (s *Service) allowMail(ctx context.Context, known *device, recipient string, c Client) (ofDevice bool, err error) {
	network, all := s.limits.check(limitMailNetwork, AddressKey(c.Address)), s.limits.check(limitMail, "")
	if known != nil && allow(ctx, s.limiter, s.limits.check(limitMailDevice, known.budget()), all) == nil {
		return true, nil
	}
	return false, allow(ctx, s.limiter, network, s.limits.check(limitMailMinute, recipient), s.limits.check(limitMailDay, recipient), all)
}

// allowVerification counts a request for a mail that verifies the address of an
// account, by somebody who has a session or the password. It does not count by
// recipient: strangers must not use up the account's budget.
func (s *Service) allowVerification(ctx context.Context, userID string, c Client) error {
	return allow(ctx, s.limiter, s.limits.check(limitMailNetwork, AddressKey(c.Address)),
		s.limits.check(limitVerifyMinute, userID), s.limits.check(limitVerifyDay, userID), s.limits.check(limitMail, ""))
}

// allowReauthMail counts a request for a code by the account of the caller.
// Strangers must not use up its budget, so it does not count by recipient.
func (s *Service) allowReauthMail(ctx context.Context, userID string, c Client) error {
	return allow(ctx, s.limiter, s.limits.check(limitMailNetwork, AddressKey(c.Address)),
		s.limits.check(limitReauthMailMinute, userID), s.limits.check(limitReauthMailDay, userID), s.limits.check(limitMail, ""))
}

// allowReauthentication counts an attempt to prove a credential in a session.
func (s *Service) allowReauthentication(ctx context.Context, st SessionState) error {
	return allow(ctx, s.limiter, s.limits.check(limitReauthSession, st.Session.ID), s.limits.check(limitReauthAccount, st.User.ID))
}

// countFailure counts a request that failed with err by its client's address.
// It returns err, or CodeRateLimited.
func (s *Service) countFailure(ctx context.Context, c Client, err error) error {
	if limited := s.allow(ctx, limitAddress, AddressKey(c.Address)); limited != nil {
		return limited
	}
	return err
}

// AddressKey returns the key of a client address in limits. An IPv6 client can
// choose any address within its /64, so that the whole network has one key.
func AddressKey(address string) string {
	addr, err := netip.ParseAddr(address)
	if err != nil || addr.Unmap().Is4() {
		return address
	}
	network, err := addr.WithZone("").Prefix(64)
	if err != nil {
		return address
	}
	return network.String()
}

// Quota holds the rest of a limit for the client that it counted.
type Quota struct {
	Limit     Limit
	Remaining int // requests that may come at once
	// Reset is the time until the whole burst is available again. If the limit
	// refused the request, it is the time until the next one may be allowed.
	Reset   time.Duration
	Refused bool
}

// maxQuotas limits the quotas of one request.
const maxQuotas = 8

// Quotas are the quotas that limiters noted for a request. It is safe for
// concurrent use.
type Quotas struct {
	mu  sync.Mutex
	all []Quota
}

// NoteQuota records a quota for the answer to a request. Limiters call it. It
// ignores Private limits, and those that are PerReplica unless they refused: the
// next request may reach another replica.
func NoteQuota(ctx context.Context, q Quota) {
	if !q.Limit.Private && (!q.Limit.PerReplica || q.Refused) {
		QuotasFrom(ctx).note(q)
	}
}

// QuotasFrom returns the quotas of a request, to which limiters may still add.
// It is nil if the context belongs to no request.
func QuotasFrom(ctx context.Context) *Quotas {
	if r, ok := ctx.Value(clientKey{}).(*request); ok {
		return &r.quotas
	}
	return nil
}

func (all *Quotas) note(q Quota) {
	if all == nil {
		return
	}
	all.mu.Lock()
	defer all.mu.Unlock()
	for i, noted := range all.all {
		if noted.Limit.Name == q.Limit.Name {
			all.all[i] = q // of another key, or counted again
			return
		}
	}
	if len(all.all) < maxQuotas {
		all.all = append(all.all, q)
	}
}

// Noted returns the quotas, one for each limit.
func (all *Quotas) Noted() []Quota {
	if all == nil {
		return nil
	}
	all.mu.Lock()
	defer all.mu.Unlock()
	return slices.Clone(all.all)
}
