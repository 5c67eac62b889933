package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"rekey/internal/auth"
)

// testRevokeSurplus: the sessions that were unused for longest are revoked, and
// those that expired or were revoked before do not count.
func testRevokeSurplus(t *testing.T, s suite) {
	const first, third, second, newest = 0, 1, 2, 3 // in the order of their use
	for _, tt := range []struct {
		own         int // -1: none of these
		keep, limit int
		want        []int
	}{
		{-1, 4, 10, nil}, {-1, 3, 10, []int{first}}, {-1, 1, 10, []int{first, third, second}},
		{-1, 1, 2, []int{third, second}}, {-1, 0, 10, []int{first, third, second, newest}},
		{first, 0, 10, []int{third, second, newest}}, {first, 2, 10, []int{third}}, {newest, 0, 10, []int{first, third, second}},
	} {
		t.Run(fmt.Sprintf("%d over %d beside %d", tt.limit, tt.keep, tt.own), func(t *testing.T) {
			u, sess := s.signUp(t)
			used := func(after time.Duration, change func(*auth.Session)) string {
				other := newSession(u.ID)
				other.LastSeenAt = sess.LastSeenAt.Add(after)
				change(&other)
				must(t, s.createSession(t.Context(), other, 0, u.PasswordHash, "", nil))
				return other.ID
			}
			nothing := func(*auth.Session) {}
			live := []string{sess.ID, used(time.Second, nothing), used(2*time.Second, nothing), used(3*time.Second, nothing)}
			own := used(time.Hour, nothing)
			if tt.own >= 0 {
				_, err := s.RevokeSession(t.Context(), u.ID, own, "logout", noon(), nil)
				must(t, err)
				own = live[tt.own]
			}
			used(-time.Hour, func(x *auth.Session) { x.RefreshExpiresAt = noon() })
			used(-time.Hour, func(x *auth.Session) { x.ExpiresAt = noon() })
			used(-time.Hour, func(x *auth.Session) { x.RevokedAt, x.RevokedReason = ptr(noon()), "logout" })
			s.signUp(t) // another user's
			var want []string
			for _, i := range tt.want {
				want = append(want, live[i])
			}
			e := newEvent(auth.EventSessionRevoked, u.ID, "", noon())
			got, err := s.RevokeSurplus(t.Context(), auth.SurplusSessions{
				UserID: u.ID, Own: own, Keep: tt.keep, Limit: tt.limit, Reason: "limit", At: noon(),
			}, &e)
			must(t, err)
			wantEqual(t, "revoked", sorted(got), sorted(want))
			var recorded []string
			for _, event := range s.events(t, u.ID) {
				recorded = append(recorded, event.SessionID)
			}
			wantEqual(t, "recorded", sorted(recorded), sorted(want))
			for i, id := range live {
				wantEqual(t, "revoked", s.state(t, id).Session.RevokedReason == "limit", slices.Contains(tt.want, i))
			}
		})
	}
}

func testRevokeSurplusRefused(t *testing.T, s suite) {
	u, first := s.signUp(t)
	own := s.login(t, u)
	surplus := auth.SurplusSessions{UserID: u.ID, Own: own.ID, Limit: 10, Reason: "limit", At: noon()}
	e := newEvent(auth.EventSessionRevoked, u.ID, "", noon())
	t.Run("BeforeCommit", func(t *testing.T) {
		refusal, refused := errors.New("refused"), surplus
		refused.BeforeCommit = func(_ context.Context, ids []string) error {
			wantEqual(t, "ids", ids, []string{first.ID})
			return refusal
		}
		_, err := s.RevokeSurplus(t.Context(), refused, &e)
		wantError(t, err, refusal)
		wantEqual(t, "session", s.state(t, first.ID).Session, first)
	})
	t.Run("ErrNotFound", func(t *testing.T) {
		for _, id := range []string{uuid.NewString(), "nobody"} {
			unknown := surplus
			unknown.UserID = id
			_, err := s.RevokeSurplus(t.Context(), unknown, &e)
			wantError(t, err, auth.ErrNotFound)
		}
	})
	t.Run("OwnRevoked", func(t *testing.T) {
		_, err := s.RevokeSession(t.Context(), u.ID, own.ID, "limit", noon(), nil)
		must(t, err)
		ids, err := s.RevokeSurplus(t.Context(), surplus, &e)
		must(t, err)
		wantEqual(t, "revoked", len(ids), 0)
		wantEqual(t, "session", s.state(t, first.ID).Session, first)
	})
	wantEqual(t, "events", len(s.events(t, u.ID)), 0)
}

// testRaceSurplus: simultaneous logins, each of which revokes the surplus that it
// found, leave exactly the maximum.
func testRaceSurplus(t *testing.T, s suite) {
	const racers = 16
	for _, maximum := range []int{1, 2, 3, 12, racers + 1, 100} {
		u := newUser()
		must(t, s.AddUser(t.Context(), u, nil))
		var before [racers]atomic.Bool // which numbers of other sessions were found
		fns := make([]func(), racers)
		for i := range fns {
			sess := newSession(u.ID)
			fns[i] = func() {
				e := newEvent(auth.EventLogin, u.ID, sess.ID, noon())
				created, err := s.CreateSession(t.Context(), auth.NewSession{Session: sess, PasswordHash: u.PasswordHash}, &e)
				if err != nil {
					t.Error(err)
					return
				}
				others := created.Others
				if maximum > racers && before[others].Swap(true) {
					t.Errorf("two logins found %d other sessions", others)
				}
				if others < maximum {
					return
				}
				_, err = s.RevokeSurplus(t.Context(), auth.SurplusSessions{
					UserID: u.ID, Own: sess.ID, Keep: maximum - 1, Limit: racers, Reason: "limit", At: noon(),
				}, nil)
				if err != nil {
					t.Error(err)
				}
			}
		}
		together(fns...)
		left, err := s.Sessions(t.Context(), u.ID, noon(), 2*racers)
		must(t, err)
		wantEqual(t, fmt.Sprintf("sessions left of %d", maximum), len(left), min(racers, maximum))
	}
}
