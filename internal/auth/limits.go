package auth

import (
	"context"
	"net/netip"
	"time"
)

// The limits of the use cases. A verified token counts by its session, so that
// people behind one address do not slow each other down; all else counts by
// the client's address.
func addressLimit() Limit  { return Limit{Name: "address", Rate: 10, Burst: 30} }
func documentLimit() Limit { return Limit{Name: "document", Rate: 200, Burst: 600, PerReplica: true} }
func refreshLimit() Limit  { return Limit{Name: "refresh", Rate: 10, Burst: 30} }
func accessLimit() Limit   { return Limit{Name: "access", Rate: 50, Burst: 200, PerReplica: true} }
func signUpLimit() Limit   { return Limit{Name: "sign_up", Rate: 0.2, Burst: 10} }

// The three limits of a login are checked in one call. Guesses at one account
// from one address are limited more than all guesses at the account together, so
// that a stranger cannot lock its owner out.
func loginAddressLimit() Limit {
	return Limit{Name: "login_address", Rate: 1, Burst: 20, Group: "login"}
}
func loginPairLimit() Limit {
	return Limit{Name: "login_pair", Rate: 0.2, Burst: 10, Group: "login"}
}
func loginAccountLimit() Limit {
	// Private: what is left would show strangers when the owner logs in.
	return Limit{Name: "login_account", Rate: 1, Burst: 50, Group: "login", Private: true}
}

// A program opens few streams with its key.
func keyLimit() Limit { return Limit{Name: "api_key", Rate: 10, Burst: 30} }

// A resource server may ask at each request that it serves.
func keyCallLimit() Limit {
	return Limit{Name: "api_key_call", Rate: 200, Burst: 600, PerReplica: true}
}

// keyLookupLimit holds those who make keys up: whether one is good only the
// database knows.
func keyLookupLimit() Limit {
	return Limit{Name: "api_key_lookup", Rate: 200, Burst: 600, PerReplica: true}
}

// Who tries and fails may try without end, and must not fill the disk: of what
// failed the journal keeps a sample, while the log and the metrics have all of
// it. Each replica counts for itself, in memory: in all, one keeps no more than
// these 10 a second, some 300 MB a day.
func journalLimit() Limit {
	return Limit{Name: "journal", Rate: 10, Burst: 1000, PerReplica: true, Private: true}
}

// One address cannot use up what is for all.
func journalAddressLimit() Limit {
	return Limit{Name: "journal_address", Rate: 0.1, Burst: 100, PerReplica: true, Private: true}
}

// Of one account, or session, 20 at once and then 12 an hour.
func journalSubjectLimit() Limit {
	return Limit{Name: "journal_subject", Rate: 1. / 300, Burst: 20, PerReplica: true, Private: true}
}

// That guesses at an account are slowed down is worth a line now and again.
func journalLimitedLimit() Limit {
	return Limit{Name: "journal_limited", Rate: 1. / 300, Burst: 1, PerReplica: true, Private: true}
}

// Limits returns all that there are.
func Limits() []Limit {
	return []Limit{
		addressLimit(), documentLimit(), refreshLimit(), accessLimit(), signUpLimit(),
		loginAddressLimit(), loginPairLimit(), loginAccountLimit(), keyLimit(), keyLookupLimit(), keyCallLimit(),
		journalLimit(), journalAddressLimit(), journalSubjectLimit(), journalLimitedLimit(),
	}
}

func (s *Service) allow(ctx context.Context, l Limit, key string) error {
	return allow(ctx, s.limiter, Check{l, key})
}

func allow(ctx context.Context, limiter Limiter, checks ...Check) error {
	if refusal := limiter.Allow(ctx, checks...); refusal.Wait > 0 {
		return RateLimited(refusal.Wait)
	}
	return nil
}

// Admit counts a GraphQL document by its client's address before it is looked
// at: whatever it asks for, it has to be parsed. CodeRateLimited.
func (s *Service) Admit(ctx context.Context, c Client) error {
	return s.allow(ctx, documentLimit(), AddressKey(c.Address))
}

// allowAttempt counts one guess at a password, in one call of the limiter. A
// guess that a narrower limit refuses does not count against a wider one: a
// single address cannot use up the account's budget.
func (s *Service) allowAttempt(ctx context.Context, account string, c Client) error {
	addr := AddressKey(c.Address)
	return allow(ctx, s.limiter,
		Check{loginAddressLimit(), addr},
		Check{loginPairLimit(), account + " " + addr},
		Check{loginAccountLimit(), account})
}

// verify checks a token and counts it: by session when it verifies, else by
// the client's address.
func (s *Service) verify(ctx context.Context, use TokenUse, token string, now time.Time, c Client) (Claims, error) {
	claims, err := s.verifyToken(use, token, now)
	if err != nil {
		return Claims{}, s.refused(ctx, c, err)
	}
	logSession(ctx, claims.SessionID)
	limit := accessLimit()
	if use == UseRefresh {
		limit = refreshLimit()
	}
	return claims, s.allow(ctx, limit, claims.SessionID)
}

func (s *Service) verifyToken(use TokenUse, token string, now time.Time) (Claims, error) {
	if token == "" {
		return Claims{}, Unauthenticated(ReasonTokenMissing, "a bearer token is required")
	}
	return s.tokens.Verify(use, token, now)
}

// refused is what a token that did not verify comes to. It counts before the
// clock is looked at, which asks the database: an old token that has expired is
// for anybody to send. Who is limited is not told that the token is bad.
func (s *Service) refused(ctx context.Context, c Client, verifyErr error) error {
	if err := s.countFailure(ctx, c, nil); err != nil {
		return err
	}
	return s.unlessSkewed(ctx, verifyErr)
}

// countFailure counts a request that failed with err by its address, and
// returns what it is to be told.
func (s *Service) countFailure(ctx context.Context, c Client, err error) error {
	if limited := s.allow(ctx, addressLimit(), AddressKey(c.Address)); limited != nil {
		return limited
	}
	return err
}

// AddressKey is what a client address counts as in limits: an IPv6 client
// chooses freely within its /64, so the whole network counts as one.
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
