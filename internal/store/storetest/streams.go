package storetest

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"rekey/internal/auth"
)

func newAPIKey() auth.APIKey {
	id := uuid.NewString()
	return auth.APIKey{
		ID: id, Name: "orders – Ünit", Prefix: id[:8], Hash: hash(id),
		Scopes: []auth.Scope{auth.ScopeBlacklistRead, "another:one"}, CreatedAt: noon(),
	}
}

func testAPIKeys(t *testing.T, s suite) {
	one, two := newAPIKey(), newAPIKey()
	two.CreatedAt = noon().Add(time.Hour)
	must(t, s.CreateAPIKey(t.Context(), two, nil))
	must(t, s.CreateAPIKey(t.Context(), one, nil))
	if err := s.CreateAPIKey(t.Context(), auth.APIKey{ID: uuid.NewString(), Prefix: one.Prefix}, nil); err == nil {
		t.Error("two keys have the same prefix")
	}
	got, err := s.APIKeyByPrefix(t.Context(), one.Prefix)
	must(t, err)
	wantEqual(t, "key", got, one)
	_, err = s.APIKeyByPrefix(t.Context(), "nonesuch")
	wantError(t, err, auth.ErrNotFound)
	all, err := s.APIKeys(t.Context())
	must(t, err)
	wantEqual(t, "list", all, []auth.APIKey{one, two})
}

func testAPIKeyChanges(t *testing.T, s suite) {
	k := newAPIKey()
	must(t, s.CreateAPIKey(t.Context(), k, nil))
	must(t, s.TouchAPIKey(t.Context(), k.ID, noon().Add(time.Hour)))
	must(t, s.TouchAPIKey(t.Context(), k.ID, noon())) // a slower replica
	ended, err := s.RevokeAPIKey(t.Context(), k.Prefix, noon().Add(2*time.Hour), nil)
	must(t, err)
	again, err := s.RevokeAPIKey(t.Context(), k.Prefix, noon().Add(3*time.Hour), nil)
	must(t, err)
	if !ended || again {
		t.Errorf("revoked: %v, second call: %v", ended, again)
	}
	_, err = s.RevokeAPIKey(t.Context(), "nonesuch", noon(), nil)
	wantError(t, err, auth.ErrNotFound)
	k.LastUsedAt, k.RevokedAt = ptr(noon().Add(time.Hour)), ptr(noon().Add(2*time.Hour))
	got, err := s.APIKeyByPrefix(t.Context(), k.Prefix)
	must(t, err)
	wantEqual(t, "key", got, k)
}

// entries returns what the feed has of some sessions: other tests leave theirs.
func (s suite) entries(t *testing.T, kind auth.ChangeKind, after auth.ChangeCursor, of ...auth.Session) []auth.Change {
	t.Helper()
	all, _, err := s.Changes(t.Context(), kind, after, 10_000)
	must(t, err)
	return slices.DeleteFunc(all, func(e auth.Change) bool {
		return !slices.ContainsFunc(of, func(sess auth.Session) bool { return sess.ID == e.SessionID })
	})
}

func testFeed(t *testing.T, s suite) {
	u, revoked := s.signUp(t)
	rotated, flagged, single, untouched := s.login(t, u), s.login(t, u), s.login(t, u), s.login(t, u)
	all := []auth.Session{revoked, rotated, flagged, single, untouched}
	at := noon().Add(time.Hour)
	s.clock.Set(t, at)
	_, err := s.RevokeSession(t.Context(), u.ID, revoked.ID, auth.RevokedByLogout, at, nil)
	must(t, err)
	r := rotation(rotated)
	_, err = s.Rotate(t.Context(), r)
	must(t, err)
	refresh := auth.BlacklistedToken{SessionID: flagged.ID, SecretHash: flagged.SecretHash, Use: auth.UseRefresh, BlacklistedAt: at}
	_, err = s.BlacklistRefresh(t.Context(), refresh, nil)
	must(t, err)
	access := auth.BlacklistedToken{SessionID: single.ID, SecretHash: single.SecretHash, Use: auth.UseAccess, Reason: "private",
		BlacklistedAt: at, ExpiresAt: at.Add(time.Minute)}
	_, err = s.BlacklistAccess(t.Context(), access, nil)
	must(t, err)
	for kind, want := range map[auth.ChangeKind]auth.Change{
		auth.ChangeRevoked: {SessionID: revoked.ID, Reason: auth.RevokedByLogout},
		auth.ChangeRotated: {SessionID: rotated.ID, Reason: "rotated", SecretHash: &rotated.SecretHash, IssuedAt: r.IssuedAt},
		auth.ChangeRefresh: {SessionID: flagged.ID, Reason: "blacklisted", SecretHash: &flagged.SecretHash},
		auth.ChangeAccess:  {SessionID: single.ID, Reason: "blacklisted", SecretHash: &single.SecretHash, ExpiresAt: access.ExpiresAt},
	} {
		want.Kind, want.At = kind, at
		wantEqual(t, string(kind), s.entries(t, kind, auth.ChangeCursor{At: at.Add(-time.Microsecond)}, all...), []auth.Change{want})
		here := auth.ChangeCursor{At: at, SessionID: want.SessionID}
		if want.SecretHash != nil {
			here.Secret = *want.SecretHash
		}
		if after := s.entries(t, kind, here, all...); len(after) > 0 {
			t.Errorf("%s: after itself comes %+v", kind, after)
		}
	}
	s.clock.Set(t, noon())
}

// Pages of every size contain every entry once, although many have the same time.
func testFeedPages(t *testing.T, s suite) {
	u, _ := s.signUp(t)
	var mine []auth.Session
	for range 7 {
		mine = append(mine, s.login(t, u))
	}
	at := noon().Add(5 * 365 * day) // later than the entries of other tests
	s.clock.Set(t, at)
	for _, sess := range mine {
		_, err := s.Rotate(t.Context(), rotation(sess))
		must(t, err)
	}
	s.clock.Set(t, noon())
	_, err := s.EndSessions(t.Context(), auth.EndSessions{UserID: u.ID, Reason: auth.RevokedByLogout, At: at}, nil)
	must(t, err)
	for _, kind := range []auth.ChangeKind{auth.ChangeRevoked, auth.ChangeRotated} {
		for _, limit := range []int{1, 3, 7, 8, 100} {
			seen := s.pages(t, kind, auth.ChangeCursor{At: at.Add(-time.Second)}, limit)
			for _, sess := range mine {
				if seen[sess.ID] != 1 {
					t.Errorf("%s, limit %d: a session appears %d times", kind, limit, seen[sess.ID])
				}
			}
		}
	}
}

// pages reads all pages and counts how often each session appears.
func (s suite) pages(t *testing.T, kind auth.ChangeKind, from auth.ChangeCursor, limit int) map[string]int {
	t.Helper()
	seen := map[string]int{}
	for after := &from; after != nil; {
		page, next, err := s.Changes(t.Context(), kind, *after, limit)
		must(t, err)
		if len(page) > limit {
			t.Fatalf("%d entries on a page of %d", len(page), limit)
		}
		for _, e := range page {
			seen[e.SessionID]++
		}
		after = next
	}
	return seen
}
