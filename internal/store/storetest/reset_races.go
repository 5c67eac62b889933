package storetest

import (
	"testing"

	"rekey/internal/auth"
	"rekey/internal/test/racing"
)

// resetRace is one round of testRaceReset.
type resetRace struct {
	suite
	user          auth.User
	old, own      auth.Session // own is the session that changes the password
	late          auth.Session // of a login in progress
	token, other  auth.OneTimeToken
	resets        []error
	change, login error
	rotate        error
}

// testRaceReset: a link is used several times while its account refreshes, logs in
// and changes its password. Exactly one of the resets and the change sets a
// password, and no session outlives it except the one that changed the password.
func testRaceReset(t *testing.T, s suite) {
	resets, rounds := 0, racing.Rounds(t, redemptions)
	for round := range rounds {
		r := resetRace{suite: s}
		r.user, r.old = s.signUp(t)
		r.own, r.late = s.login(t, r.user), newSession(r.user.ID)
		r.token, r.other = newToken(r.user), newToken(r.user)
		s.issue(t, r.token)
		s.issue(t, r.other)
		r.run(t, racersIn(round))
		if r.check(t) {
			resets++
		}
	}
	t.Logf("%d of %d passwords were set by a reset", resets, rounds)
}

// run runs a number of resets and the other requests at the same time.
func (r *resetRace) run(t *testing.T, racers int) {
	change, own := passwordChange(r.user, r.own)
	r.resets = make([]error, racers)
	fns := []func(){
		func() { _, _, r.change = r.EndOtherSessions(t.Context(), change, own, nil) },
		func() { _, r.rotate = r.Rotate(t.Context(), rotation(r.old)) },
		func() {
			r.login = r.createSession(t.Context(), r.late, r.user.AuthEpoch, r.user.PasswordHash, "", nil)
		},
	}
	for i := range r.resets {
		fns = append(fns, func() {
			_, r.resets[i] = r.EndSessions(t.Context(), auth.EndSessions{
				UserID: r.user.ID, Reason: auth.RevokedByPasswordReset, At: noon(), RaiseEpoch: true, ExpectEpoch: ptr(int64(0)),
				ExpectPasswordHash: r.user.PasswordHash, PasswordHash: "reset", VerifyEmail: true,
				Redeem: &auth.Redemption{Hash: r.token.Hash, Purpose: r.token.Purpose},
			}, nil)
		})
	}
	together(fns...)
}

// check reports whether a reset set the password.
func (r *resetRace) check(t *testing.T) bool {
	t.Helper()
	byReset := racing.Winner(t, append([]error{r.change}, r.resets...), auth.ErrMovedOn) > 0
	for _, err := range []error{r.rotate, r.login} {
		if err != nil {
			wantError(t, err, auth.ErrMovedOn)
		}
	}
	after, err := r.UserByID(t.Context(), r.user.ID)
	must(t, err)
	wantEqual(t, "epoch", after.AuthEpoch, 1)
	wantEqual(t, "password", after.PasswordHash, map[bool]string{true: "reset", false: "new"}[byReset])
	ended := []auth.Session{r.old}
	if byReset {
		ended = append(ended, r.own)
	}
	if r.login == nil {
		ended = append(ended, r.late)
	} else {
		r.wantNoSession(t, r.late.ID)
	}
	for _, sess := range ended {
		if r.state(t, sess.ID).Session.RevokedAt == nil {
			t.Error("a session outlived the password")
		}
	}
	wantEqual(t, "the session that changed the password is live", r.state(t, r.own.ID).Session.RevokedAt == nil, !byReset)
	_, kept := r.suite.token(t, r.token.Hash)
	wantEqual(t, "the token is kept", kept, byReset) // it was used
	_, kept = r.suite.token(t, r.other.Hash)
	wantEqual(t, "the other token is kept", kept, false)
	return byReset
}
