package storetest

import (
	"errors"
	"strconv"
	"testing"

	"rekey/internal/auth"
	"rekey/internal/test/racing"
)

// testRaceRedeem: of several uses of one token, one has its effect.
func testRaceRedeem(t *testing.T, s suite) {
	for round := range racing.Rounds(t, redemptions) {
		u, _ := s.signUp(t)
		token := newToken(u)
		s.issue(t, token)
		errs := racing.Repeat(racersIn(round), func(racer int) error {
			_, err := s.EndSessions(t.Context(), auth.EndSessions{
				UserID: u.ID, Reason: "reset", At: noon(), RaiseEpoch: racer%2 == 0, Redeem: &auth.Redemption{Hash: token.Hash, Purpose: token.Purpose},
			}, &auth.Event{Kind: auth.EventPasswordChanged, At: noon(), UserID: u.ID})
			return err
		})
		racing.Winner(t, errs, auth.ErrMovedOn)
		wantEqual(t, "events", len(s.events(t, u.ID)), 1)
	}
}

// testRaceRedeemEpoch: a token is used while the password is changed. Whichever
// commits first, the other has no effect on the password.
func testRaceRedeemEpoch(t *testing.T, s suite) {
	won, rounds := 0, racing.Rounds(t, redemptions)
	for range rounds {
		u, _ := s.signUp(t)
		token := newToken(u)
		s.issue(t, token)
		set := func(password string, r *auth.Redemption) error {
			_, err := s.EndSessions(t.Context(), auth.EndSessions{
				UserID: u.ID, Reason: "x", At: noon(), RaiseEpoch: true, ExpectEpoch: ptr(int64(0)),
				ExpectPasswordHash: u.PasswordHash, PasswordHash: password, Redeem: r,
			}, nil)
			return err
		}
		var reset, change error
		together(
			func() { reset = set("reset", &auth.Redemption{Hash: token.Hash, Purpose: token.Purpose}) },
			func() { change = set("changed", nil) },
		)
		after, err := s.UserByID(t.Context(), u.ID)
		must(t, err)
		wantEqual(t, "epoch", after.AuthEpoch, 1)
		_, there := s.token(t, token.Hash)
		if reset == nil {
			won++
			wantError(t, change, auth.ErrMovedOn)
			wantEqual(t, "password", after.PasswordHash, "reset")
			wantEqual(t, "the used token is there", there, true)
			continue
		}
		must(t, change)
		wantError(t, reset, auth.ErrMovedOn)
		wantEqual(t, "password", after.PasswordHash, "changed")
		wantEqual(t, "the voided token is there", there, false)
	}
	t.Logf("%d of %d resets came first", won, rounds)
}

// testRaceIssueEpoch: no token that was issued before the epoch was raised is
// valid afterwards.
func testRaceIssueEpoch(t *testing.T, s suite) {
	for range racing.Rounds(t, redemptions) {
		u, _ := s.signUp(t)
		token := newToken(u)
		var issueErr, endErr error
		together(
			func() { _, issueErr = s.IssueToken(t.Context(), auth.TokenIssue{Token: token}, nil) },
			func() {
				_, endErr = s.EndSessions(t.Context(), auth.EndSessions{UserID: u.ID, Reason: "x", At: noon(), RaiseEpoch: true}, nil)
			},
		)
		must(t, endErr)
		if issueErr != nil {
			wantError(t, issueErr, auth.ErrMovedOn)
		}
		_, there := s.token(t, token.Hash)
		wantEqual(t, "the token is there", there, false)
	}
}

// testRaceTryCode: guesses at the same time are not more than allowed.
func testRaceTryCode(t *testing.T, s suite) {
	for range racing.Rounds(t, 5) {
		u, _ := s.signUp(t)
		token := newToken(u)
		s.issue(t, token)
		errs := make([]error, 3*auth.MaxCodeTries)
		fns := make([]func(), len(errs))
		for i := range fns {
			try := auth.CodeTry{UserID: u.ID, Purpose: token.Purpose, MACs: []auth.SecretHash{hash("guess" + strconv.Itoa(i))}, At: noon()}
			fns[i] = func() { _, errs[i] = s.TryCode(t.Context(), try) }
		}
		together(fns...)
		compared := 0
		for _, err := range errs {
			if errors.Is(err, auth.ErrNotFound) {
				compared++
				continue
			}
			wantError(t, err, auth.ErrTooManyTries)
		}
		wantEqual(t, "compared codes", compared, auth.MaxCodeTries)
	}
}
