//go:build faults

package fault

import (
	"crypto/elliptic"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"rekey/internal/auth"
	"rekey/internal/test/throwaway"
)

// misdeed describes how a bad build and a good one behave differently.
type misdeed struct {
	build     string
	what      string
	do        func(s *stage) string
	good, bad string
}

func misdeeds() []misdeed {
	return []misdeed{
		{"select-then-update", "two racers", twoRacers, "1 successors", "2 successors"},
		{"blacklist-by-token", "another spelling of a blacklisted token", otherSpelling, "TOKEN_BLACKLISTED", "accepted"},
		{"note-after-commit", "the parent's access token after a kill", killedAfterCommit, "TOKEN_BLACKLISTED", "accepted"},
		{"no-marker", "the parent's access token after a flush", flushed, "TOKEN_BLACKLISTED", "accepted"},
		{"window-extends", "the parent after the window", replayed(6*window/10, ""), "TOKEN_REUSED", "TOKEN_BLACKLISTED"},
		{"window-extends", "the parent with its key after RETRY_TTL", replayed(6*retryTTL/10, key), "TOKEN_REUSED", "accepted"},
		{"fork-on-retry", "a repeat", repeated, "the same child", "another child"},
		{"tokens-in-clear", "a refresh token in the database", inClear, "not there", "there"},
		{"redeem-blindly", "two uses of one link", twoUses, "1 passwords", "2 passwords"},
		{"reset-keeps-epoch", "another link after a reset", anotherLink, "BAD_USER_INPUT", "accepted"},
		{"401-on-database-error", "a refresh without database", withoutDatabase, "UNAVAILABLE", "TOKEN_INVALID"},
	}
}

// TestBuilds holds each bad build against a good one.
func TestBuilds(t *testing.T) {
	redis := throwaway.Redis(t)
	for _, m := range misdeeds() {
		t.Run(m.build+"/"+m.what, func(t *testing.T) {
			if got := m.do(newStage(t, "", redis)); got != m.good {
				t.Errorf("a good build: %s, want %s", got, m.good)
			}
			if got := m.do(newStage(t, m.build, redis)); got != m.bad {
				t.Errorf("the bad build: %s, want %s", got, m.bad)
			}
		})
	}
}

func TestBuilds_AllAreTested(t *testing.T) {
	left := builds()
	for _, m := range misdeeds() {
		delete(left, m.build)
	}
	for name := range left {
		t.Errorf("nothing shows that %s is bad", name)
	}
}

// TestBuilds_ElseGood: a bad build does everything else well, so that what a
// bench finds is what the build is for.
func TestBuilds_ElseGood(t *testing.T) {
	redis := throwaway.Redis(t)
	for name := range builds() {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, name, redis)
			first := s.signUp()
			second := s.mustRefresh(first.RefreshToken, "")
			third := s.mustRefresh(second.RefreshToken, key)
			if got := s.access(third.AccessToken); got != "accepted" {
				t.Errorf("a live access token: %s", got)
			}
			s.pass(2*window + time.Second)
			if got := s.access(second.AccessToken); got != "TOKEN_BLACKLISTED" {
				t.Errorf("its parent's after the overlap: %s", got)
			}
			_, err := s.refresh(first.RefreshToken, "")
			if got := outcomeOf(err); got != "TOKEN_REUSED" {
				t.Errorf("a grandparent: %s", got)
			}
			_, err = s.refresh(third.RefreshToken, "")
			if got := outcomeOf(err); got != "SESSION_REVOKED" {
				t.Errorf("the last token after reuse: %s", got)
			}
			if got := s.access(third.AccessToken); got != "SESSION_REVOKED" {
				t.Errorf("the last access token after reuse: %s", got)
			}
		})
	}
}

const key = "an-idempotency-key"

// twoRacers lets two swaps of one token meet at the session's row.
func twoRacers(s *stage) string {
	parent := s.signUp()
	hold, err := s.db.BeginTx(s.t.Context(), nil)
	s.must(err)
	_, err = hold.ExecContext(s.t.Context(), `SELECT 1 FROM sessions FOR UPDATE`)
	s.must(err)
	children := make(chan string, 2)
	for range 2 {
		go func() {
			g, err := s.refresh(parent.RefreshToken, "")
			if err != nil && outcomeOf(err) != "TOKEN_BLACKLISTED" {
				s.t.Error(err)
			}
			children <- g.RefreshToken
		}()
	}
	s.awaitBlocked(s.t.Context(), 2)
	s.must(hold.Commit())
	successors := map[string]bool{<-children: true, <-children: true}
	delete(successors, "")
	return fmt.Sprintf("%d successors", len(successors))
}

func otherSpelling(s *stage) string {
	g := s.signUp()
	caller, err := s.core.Authenticate(s.t.Context(), g.AccessToken, auth.Client{})
	s.must(err)
	other := respelt(s.t, g.AccessToken)
	if got := s.access(other); got != "accepted" {
		s.t.Fatalf("the other spelling before: %s", got)
	}
	_, err = s.core.BlacklistToken(s.t.Context(), caller, g.AccessToken, "lost phone", auth.Client{})
	s.must(err)
	if got := s.access(g.AccessToken); got != "TOKEN_BLACKLISTED" {
		s.t.Errorf("the token as it was given: %s", got)
	}
	return s.access(other)
}

// respelt puts (r, n-s) for the signature (r, s).
func respelt(t *testing.T, token string) string {
	t.Helper()
	cut := strings.LastIndexByte(token, '.') + 1
	sig, err := base64.RawURLEncoding.DecodeString(token[cut:])
	if err != nil {
		t.Fatal(err)
	}
	s := new(big.Int).SetBytes(sig[32:])
	s.Sub(elliptic.P256().Params().N, s).FillBytes(sig[32:])
	return token[:cut] + base64.RawURLEncoding.EncodeToString(sig)
}

func inClear(s *stage) string {
	child := s.mustRefresh(s.signUp().RefreshToken, "")
	var there bool
	s.must(s.db.QueryRowContext(s.t.Context(), `SELECT EXISTS (SELECT 1 FROM sessions s WHERE strpos(s::text, $1) > 0)`,
		child.RefreshToken).Scan(&there))
	if there {
		return "there"
	}
	return "not there"
}

func killedAfterCommit(s *stage) string {
	parent := s.signUp()
	s.must(s.in.m.points.arm(afterCommit, order{Action: actionKill, Nth: 1}))
	func() {
		defer func() {
			if _, ok := recover().(killed); !ok {
				s.t.Error("after-commit was not hit")
			}
		}()
		_, _ = s.refresh(parent.RefreshToken, "")
	}()
	s.pass(window + time.Second)
	return s.access(parent.AccessToken)
}

func flushed(s *stage) string {
	parent := s.signUp()
	s.mustRefresh(parent.RefreshToken, "")
	s.pass(window + time.Second)
	if got := s.access(parent.AccessToken); got != "TOKEN_BLACKLISTED" {
		s.t.Errorf("before the flush: %s", got)
	}
	s.flushRedis()
	return s.access(parent.AccessToken)
}

// replayed presents the parent twice, each time after step.
func replayed(step time.Duration, key string) func(s *stage) string {
	return func(s *stage) string {
		parent := s.signUp()
		s.mustRefresh(parent.RefreshToken, key)
		s.pass(step)
		if _, err := s.refresh(parent.RefreshToken, key); outcomeOf(err) == "TOKEN_REUSED" {
			s.t.Error("reuse within the window")
		}
		s.pass(step)
		_, err := s.refresh(parent.RefreshToken, key)
		return outcomeOf(err)
	}
}

func repeated(s *stage) string {
	parent := s.signUp()
	first := s.mustRefresh(parent.RefreshToken, key)
	again := s.mustRefresh(parent.RefreshToken, key)
	s.mustRefresh(again.RefreshToken, "") // whichever it is, it lives
	if first.RefreshToken == again.RefreshToken {
		return "the same child"
	}
	return "another child"
}

func withoutDatabase(s *stage) string {
	parent := s.signUp()
	s.must(s.store.Close())
	_, err := s.refresh(parent.RefreshToken, "")
	if e := auth.AsError(err); e != nil && errors.Is(e, auth.ErrMovedOn) {
		s.t.Error("a closed database answers")
	}
	return outcomeOf(err)
}
