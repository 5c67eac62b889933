package storetest

import (
	"errors"
	"slices"
	"strconv"
	"testing"

	"rekey/internal/auth"
	"rekey/internal/test/racing"
)

const (
	racers      = 32
	pairs       = 200 // usual rounds of a race of two
	redemptions = 50  // usual rounds of a race for a token
)

// testRaceRotate: exactly one of N racers succeeds, and the others get ErrMovedOn.
func testRaceRotate(t *testing.T, s suite) {
	for range racing.Rounds(t, 5) {
		_, sess := s.signUp(t)
		states, errs := make([]auth.SessionState, racers), make([]error, racers)
		fns := make([]func(), racers)
		for i := range fns {
			r := rotation(sess)
			r.Next, r.Attempt = hash("next"+strconv.Itoa(i)), hash("attempt"+strconv.Itoa(i))
			fns[i] = func() { states[i], errs[i] = s.Rotate(t.Context(), r) }
		}
		together(fns...)
		winner := -1
		for i, err := range errs {
			switch {
			case err == nil && winner < 0:
				winner = i
			case !errors.Is(err, auth.ErrMovedOn):
				t.Fatalf("racer %d: %v (%v), want one winner and ErrMovedOn", i, err, errors.Unwrap(err))
			}
		}
		if winner < 0 {
			t.Fatal("no racer succeeded")
		}
		got := s.state(t, sess.ID).Session
		wantEqual(t, "session", got, states[winner].Session)
		wantEqual(t, "generation", got.Generation, 2)
	}
}

// testRaceRotateEnd: a session is revoked while it is rotated. Afterwards it is
// revoked, and the call reports that it revoked it.
func testRaceRotateEnd(t *testing.T, s suite) {
	for i := range racing.Rounds(t, pairs) {
		u, sess := s.signUp(t)
		var ended bool
		var endErr, rotateErr error
		var child auth.SessionState
		end := func() { ended, endErr = s.RevokeSession(t.Context(), u.ID, sess.ID, "logout", noon(), nil) }
		if i%2 == 1 {
			end = func() {
				var ids []string
				ids, endErr = s.EndSessions(t.Context(), auth.EndSessions{UserID: u.ID, Reason: "logout", At: noon()}, nil)
				ended = slices.Equal(ids, []string{sess.ID})
			}
		}
		together(end, func() { child, rotateErr = s.Rotate(t.Context(), rotation(sess)) })
		must(t, endErr)
		if !ended {
			t.Fatal("the session was not revoked")
		}
		if rotateErr != nil {
			wantError(t, rotateErr, auth.ErrMovedOn)
			child.Session = sess
		}
		s.wantNoRotation(t, rotation(child.Session), sess.ID)
		wantEqual(t, "reason", s.state(t, sess.ID).Session.RevokedReason, "logout")
	}
}

// testRaceRotateBlacklist: a refresh token is either rotated or blacklisted.
func testRaceRotateBlacklist(t *testing.T, s suite) {
	for range racing.Rounds(t, pairs) {
		_, sess := s.signUp(t)
		var flagged bool
		var flagErr, rotateErr error
		together(
			func() { flagged, flagErr = s.BlacklistRefresh(t.Context(), refreshToken(sess), nil) },
			func() { _, rotateErr = s.Rotate(t.Context(), rotation(sess)) },
		)
		must(t, flagErr)
		if rotateErr != nil {
			wantError(t, rotateErr, auth.ErrMovedOn)
		}
		wantEqual(t, "flagged", flagged, rotateErr != nil)
	}
}

// testRaceLoginEnd: a login in progress cannot outlive a change that raises the
// epoch. When both have returned, either the login failed or its session was
// revoked.
func testRaceLoginEnd(t *testing.T, s suite) {
	won := 0
	rounds := racing.Rounds(t, pairs)
	for i := range rounds {
		u, first := s.signUp(t)
		sess := newSession(u.ID)
		rehash := ""
		if i%2 == 1 {
			rehash = "rehashed"
		}
		var ids []string
		var loginErr, endErr error
		together(
			func() { loginErr = s.createSession(t.Context(), sess, u.AuthEpoch, u.PasswordHash, rehash, nil) },
			func() {
				ids, endErr = s.EndSessions(t.Context(), auth.EndSessions{
					UserID: u.ID, Reason: "logout", At: noon(), RaiseEpoch: true,
				}, nil)
			},
		)
		must(t, endErr)
		if loginErr != nil {
			wantError(t, loginErr, auth.ErrMovedOn)
			s.wantNoSession(t, sess.ID)
			wantEqual(t, "ended", ids, []string{first.ID})
			continue
		}
		won++
		wantEqual(t, "ended", sorted(ids), sorted([]string{first.ID, sess.ID}))
		s.wantNoRotation(t, rotation(sess), sess.ID)
	}
	t.Logf("%d of %d logins were in time, and their sessions were revoked", won, rounds)
}

// testRaceSignUp: one of several sign-ups with one address succeeds.
func testRaceSignUp(t *testing.T, s suite) {
	for round := range racing.Rounds(t, 10) {
		key := newUser().EmailKey
		errs := racing.Repeat(racersIn(round), func(int) error {
			u := newUser()
			u.EmailKey = key
			return s.CreateUser(t.Context(), auth.NewAccount{User: u, Session: newSession(u.ID)}, nil)
		})
		racing.Winner(t, errs, auth.ErrEmailTaken)
	}
}

// racersIn returns the number of racers of a round: two or eight.
func racersIn(round int) int { return 2 + 6*(round%2) }

// together runs the functions at the same time.
func together(fns ...func()) { racing.Together(fns...) }
