package app

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"rekey/internal/auth"
	"rekey/internal/test/racing"
)

// errLost is the error of a request that lost a race.
var errLost = errors.New("the request lost the race")

// lostWith returns nil for no problem, and errLost for one of the problems that the
// loser of a race may have. On a slow machine, any request may be UNAVAILABLE.
func lostWith(problem string, allowed ...string) error {
	if problem == "" {
		return nil
	}
	if problem == "UNAVAILABLE" || slices.Contains(allowed, problem) {
		return errLost
	}
	return fmt.Errorf("problem %q, allowed are %q", problem, allowed)
}

// raceRounds is the usual number of rounds of a race of whole requests, each of which
// hashes passwords. The contract of the store runs the same races in more rounds.
const raceRounds = 3

// round is one round of a race, with an account of its own.
type round struct {
	*stack
	number int
	email  string
	first  tokens // of the session of the sign-up
}

// racers returns the number of racers of a round: two or eight.
func (r round) racers() int { return 2 + 6*(r.number%2) }

// races runs the rounds of a race on both engines.
func races(t *testing.T, settings map[string]string, run func(t *testing.T, r round)) {
	t.Helper()
	for _, e := range engines()[:2] {
		t.Run(e.name, func(t *testing.T) {
			s := newStack(t, e, settings)
			for number := range racing.Rounds(t, raceRounds) {
				r := round{stack: s, number: number, email: fmt.Sprintf("ada%d@example.com", number)}
				r.first = s.signUp(r.email)
				run(t, r)
				if t.Failed() {
					t.Fatalf("in round %d", number)
				}
				s.advance(time.Second)
			}
		})
	}
}

// tokenFor requests a mail for the round's account and returns the token in it.
func (r round) tokenFor(kind auth.MailKind, p auth.TokenPurpose, request func() (problem string)) string {
	r.t.Helper()
	r.advance(time.Millisecond) // ids of mails sort by time
	if problem := request(); problem != "" {
		r.t.Fatalf("requesting a mail: %s", problem)
	}
	return r.lastLink(kind, p)
}

// ended fails unless a session was revoked: neither of its tokens is accepted. An
// empty pair is ignored.
func (r round) ended(name string, p tokens) {
	r.t.Helper()
	if p.access == "" {
		return
	}
	if problem := r.access(p.access); problem != "SESSION_REVOKED" {
		r.t.Errorf("%s: the access token: %q", name, problem)
	}
	if problem := refreshGraphQL(r.stack, p.refresh, "").problem; problem != "SESSION_REVOKED" {
		r.t.Errorf("%s: the refresh token: %q", name, problem)
	}
}

// count returns the number of rows that a condition about the round's user selects.
func (r round) count(from, where string) int64 {
	r.t.Helper()
	return r.stack.number(`SELECT count(*) FROM ` + from + ` WHERE user_id = (SELECT id FROM users WHERE email_key = '` + r.email + `') AND ` + where)
}

// TestRaces_reset: of several uses of one link, one sets its password. No session
// that began or was refreshed meanwhile outlives it, and a refused password uses up
// nothing.
func TestRaces_reset(t *testing.T) {
	races(t, nil, func(t *testing.T, r round) {
		token := r.tokenFor(auth.MailResetPassword, auth.PurposeResetPassword, func() string { return r.requestReset(r.email) })
		errs := make([]error, r.racers())
		var late tokens
		var lateProblem, refused string
		var refreshed outcome
		fns := []func(){
			func() { late, lateProblem = r.start(start{"login", r.email, goodPassword, ""}) },
			func() { refreshed = refreshGraphQL(r.stack, r.first.refresh, "") },
			func() { _, refused = r.reset(token, "short") },
		}
		for i := range errs {
			fns = append(fns, func() {
				_, problem := r.reset(token, fmt.Sprint("fine horse number ", i))
				errs[i] = lostWith(problem, "BAD_USER_INPUT token", "RATE_LIMITED") // too many passwords to hash
			})
		}
		racing.Together(fns...)
		winner := racing.Winner(t, errs, errLost)
		if !strings.HasPrefix(refused, "BAD_USER_INPUT ") {
			t.Errorf("a short password: %q", refused)
		}
		for _, err := range []error{lostWith(lateProblem, "INVALID_CREDENTIALS"), lostWith(refreshed.problem, "SESSION_REVOKED")} {
			if err != nil && !errors.Is(err, errLost) {
				t.Error(err)
			}
		}
		r.ended("the session", r.first)
		r.ended("a login meanwhile", late)
		r.ended("a refresh meanwhile", refreshed.tokens)
		for i := range errs {
			if i > 1 && i != winner {
				continue // two and the winner are enough
			}
			_, problem := r.loginWith(r.email, fmt.Sprint("fine horse number ", i))
			if want := map[bool]string{true: "", false: "INVALID_CREDENTIALS"}[i == winner]; problem != want {
				t.Errorf("the password of racer %d, of which %d won: %q", i, winner, problem)
			}
		}
	})
}

// TestRaces_resetAgainstChange: either the link or the change of the password sets
// the password, and the loser changes nothing.
func TestRaces_resetAgainstChange(t *testing.T) {
	races(t, nil, func(t *testing.T, r round) {
		token := r.tokenFor(auth.MailResetPassword, auth.PurposeResetPassword, func() string { return r.requestReset(r.email) })
		other := r.login(r.email)
		var change changed
		var reset string
		racing.Together(
			func() { change = r.changePassword(r.first.access, betterPassword, "") },
			func() { _, reset = r.reset(token, resetTo) },
		)
		winner := racing.Winner(t, []error{
			lostWith(reset, "BAD_USER_INPUT token"),
			lostWith(change.problem, "SESSION_REVOKED", "BAD_USER_INPUT currentPassword"),
		}, errLost)
		r.ended("another session", other)
		password := resetTo
		if winner == 1 {
			password = betterPassword
			if problem := r.access(change.access); problem != "" {
				t.Errorf("the session that changed the password: %q", problem)
			}
		} else {
			r.ended("the session that lost", r.first)
		}
		if _, problem := r.loginWith(r.email, password); problem != "" {
			t.Errorf("the winner's password: %q", problem)
		}
		if _, problem := r.reset(token, "yet another horse"); problem != "BAD_USER_INPUT token" {
			t.Errorf("the link afterwards: %q", problem)
		}
	})
}

// TestRaces_loginWithOneKey: copies of one login get one pair, and begin one session.
func TestRaces_loginWithOneKey(t *testing.T) {
	races(t, nil, func(t *testing.T, r round) {
		key := fmt.Sprintf("the-key-of-one-login-%d", r.number)
		pairs, problems := make([]tokens, r.racers()), make([]string, r.racers())
		racing.Repeat(r.racers(), func(i int) error {
			pairs[i], problems[i] = r.start(start{"login", r.email, goodPassword, key})
			return nil
		})
		first := slices.Index(problems, "")
		if first < 0 {
			t.Fatalf("no login succeeded: %q", problems)
		}
		for i, p := range pairs {
			if problems[i] != "UNAVAILABLE" && (problems[i] != "" || p != pairs[first]) {
				t.Errorf("racer %d: %q, the same pair: %v", i, problems[i], p == pairs[first])
			}
		}
		if n := r.count("sessions", "1 = 1"); n != 2 {
			t.Errorf("%d sessions, want that of the sign-up and one more", n)
		}
		r.accepts(pairs[first])
	})
}

// together runs the functions at the same time.
func together(fns ...func()) { racing.Together(fns...) }

// TestRaces_signUp: of several sign-ups of one address, by password and by one link,
// one creates the account, with its password and its only session.
func TestRaces_signUp(t *testing.T) {
	races(t, nil, func(t *testing.T, r round) {
		email := "new-" + r.email
		token := r.signUpLink(email)
		pairs := make([]tokens, r.racers())
		errs := racing.Repeat(r.racers(), func(i int) error {
			var problem string
			password := fmt.Sprint("fine horse number ", i)
			if i%2 == 0 {
				pairs[i], problem = r.completeSignUp(token, password, "")
			} else {
				pairs[i], problem = r.start(start{"signUp", email, password, ""})
			}
			return lostWith(problem, "BAD_USER_INPUT token", "CONFLICT email", "RATE_LIMITED")
		})
		winner := racing.Winner(t, errs, errLost)
		if users := r.stack.number(`SELECT count(*) FROM users WHERE email_key = '` + email + `'`); users != 1 {
			t.Errorf("%d accounts", users)
		}
		if problem := r.access(pairs[winner].access); problem != "" {
			t.Errorf("the winner's session: %q", problem)
		}
		if n := r.stack.number(`SELECT count(*) FROM sessions WHERE user_id = (SELECT id FROM users WHERE email_key = '` + email + `')`); n != 1 {
			t.Errorf("%d sessions", n)
		}
		if _, problem := r.loginWith(email, fmt.Sprint("fine horse number ", winner)); problem != "" {
			t.Errorf("the winner's password: %q", problem)
		}
	})
}
