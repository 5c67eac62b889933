package storetest

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"

	"rekey/internal/auth"
)

// newToken returns a token of the user to reset the password, issued at noon.
func newToken(u auth.User) auth.OneTimeToken {
	id := uuid.NewString()
	return auth.OneTimeToken{
		Hash: hash("token " + id), Purpose: auth.PurposeResetPassword, UserID: u.ID, EmailKey: u.EmailKey,
		CodeMAC: ptr(hash("code " + id)), Payload: "pay" + id, CreatedAt: noon(), ExpiresAt: noon().Add(30 * time.Minute),
	}
}

// issue stores a token.
func (s suite) issue(t *testing.T, token auth.OneTimeToken) {
	t.Helper()
	issued, err := s.IssueToken(t.Context(), auth.TokenIssue{Token: token}, nil)
	must(t, err)
	wantEqual(t, "issued", issued, true)
}

// token reads a token. It returns false if there is no such token.
func (s suite) token(t *testing.T, hash auth.SecretHash) (auth.OneTimeToken, bool) {
	t.Helper()
	token, err := s.OneTimeToken(t.Context(), hash)
	if err != nil {
		wantError(t, err, auth.ErrNotFound)
	}
	return token, err == nil
}

func testIssueToken(t *testing.T, s suite) {
	ctx := t.Context()
	t.Run("StoresAllFields", func(t *testing.T) {
		u, _ := s.signUp(t)
		token := newToken(u)
		event := newEvent(auth.EventLogout, u.ID, "", noon())
		issued, err := s.IssueToken(ctx, auth.TokenIssue{Token: token}, &event)
		must(t, err)
		wantEqual(t, "issued", issued, true)
		got, _ := s.token(t, token.Hash)
		wantEqual(t, "token", got, token)
		wantEqual(t, "events", s.events(t, u.ID), []auth.Event{event})
	})
	t.Run("AtMostThree", func(t *testing.T) {
		u, _ := s.signUp(t)
		var all []auth.OneTimeToken
		for i := range auth.MaxLiveTokens {
			token := newToken(u)
			token.CreatedAt = noon().Add(time.Duration(i) * time.Second)
			s.issue(t, token)
			all = append(all, token)
		}
		surplus := newToken(u)
		surplus.CreatedAt = noon().Add(time.Minute)
		event := newEvent(auth.EventLogout, u.ID, "", noon())
		issued, err := s.IssueToken(ctx, auth.TokenIssue{Token: surplus}, &event)
		must(t, err)
		wantEqual(t, "issued a fourth", issued, false)
		wantEqual(t, "events", len(s.events(t, u.ID)), 0)
		other := newToken(u)
		other.Purpose = auth.PurposeVerifyEmail
		s.issue(t, other) // each purpose counts on its own

		issued, err = s.IssueToken(ctx, auth.TokenIssue{Token: surplus, Replace: true}, &event)
		must(t, err)
		wantEqual(t, "issued with Replace", issued, true)
		_, oldest := s.token(t, all[0].Hash)
		_, second := s.token(t, all[1].Hash)
		_, unrelated := s.token(t, other.Hash)
		wantEqual(t, "the oldest, the second, and that of another purpose are there", []bool{oldest, second, unrelated}, []bool{false, true, true})

		late := newToken(u)
		late.CreatedAt = all[0].ExpiresAt.Add(time.Hour)
		late.ExpiresAt = late.CreatedAt.Add(time.Hour)
		s.issue(t, late) // expired tokens do not count
	})
	t.Run("ErrMovedOn", func(t *testing.T) {
		u, _ := s.signUp(t)
		_, err := s.IssueToken(ctx, auth.TokenIssue{Token: newToken(u), Epoch: 1}, nil)
		wantError(t, err, auth.ErrMovedOn)
		_, err = s.EndSessions(ctx, auth.EndSessions{UserID: u.ID, At: noon(), Disable: true}, nil)
		must(t, err)
		_, err = s.IssueToken(ctx, auth.TokenIssue{Token: newToken(u)}, nil)
		wantError(t, err, auth.ErrMovedOn)
		_, err = s.IssueToken(ctx, auth.TokenIssue{Token: newToken(newUser())}, nil)
		wantError(t, err, auth.ErrMovedOn)
	})
	t.Run("WithoutUser", func(t *testing.T) {
		decoy := newToken(newUser())
		decoy.UserID = ""
		s.issue(t, decoy)
		got, _ := s.token(t, decoy.Hash)
		wantEqual(t, "token", got, decoy)
	})
}

// redeem uses a token of the user. The change is visible as the end of sessions.
func (s suite) redeem(t *testing.T, u auth.User, r auth.Redemption, at time.Time) error {
	t.Helper()
	_, err := s.EndSessions(t.Context(), auth.EndSessions{UserID: u.ID, Reason: "reset", At: at, Redeem: &r}, nil)
	return err
}

func testRedeemToken(t *testing.T, s suite) {
	u, sess := s.signUp(t)
	stranger, _ := s.signUp(t)
	token := newToken(u)
	s.issue(t, token)
	right := auth.Redemption{Hash: token.Hash, Purpose: token.Purpose, Payload: "answer"}
	for name, refused := range map[string]struct {
		user    auth.User
		hash    auth.SecretHash
		purpose auth.TokenPurpose
		at      time.Time
	}{
		"OtherPurpose": {u, token.Hash, auth.PurposeVerifyEmail, noon()},
		"OtherUser":    {stranger, token.Hash, token.Purpose, noon()},
		"OtherHash":    {u, hash("other"), token.Purpose, noon()},
		"Expired":      {u, token.Hash, token.Purpose, token.ExpiresAt},
	} {
		t.Run(name, func(t *testing.T) {
			r := auth.Redemption{Hash: refused.hash, Purpose: refused.purpose}
			wantError(t, s.redeem(t, refused.user, r, refused.at), auth.ErrMovedOn)
		})
	}
	got, _ := s.token(t, token.Hash)
	wantEqual(t, "token after refusals", got, token)
	wantEqual(t, "session after refusals", s.state(t, sess.ID).Session, sess)

	t.Run("RolledBackWithItsEffect", func(t *testing.T) {
		_, err := s.EndSessions(t.Context(), auth.EndSessions{
			UserID: u.ID, At: noon(), Redeem: &right, ExpectPasswordHash: "another", PasswordHash: "new",
		}, nil)
		wantError(t, err, auth.ErrMovedOn)
		_, err = s.EndSessions(t.Context(), auth.EndSessions{UserID: u.ID, At: noon(), Redeem: &right, ExpectEpoch: ptr(int64(1))}, nil)
		wantError(t, err, auth.ErrMovedOn)
		got, _ := s.token(t, token.Hash)
		wantEqual(t, "token", got, token)
	})
	t.Run("Once", func(t *testing.T) {
		ids, err := s.EndSessions(t.Context(), auth.EndSessions{
			UserID: u.ID, Reason: "reset", At: noon(), RaiseEpoch: true, VerifyEmail: true, Redeem: &right, ExpectEpoch: ptr(int64(0)),
			ExpectPasswordHash: u.PasswordHash, PasswordHash: "new",
		}, nil)
		must(t, err)
		wantEqual(t, "revoked", ids, []string{sess.ID})
		got, _ := s.token(t, token.Hash)
		token.UsedAt, token.Payload = ptr(noon()), "answer"
		wantEqual(t, "the used token is kept", got, token)
		after, err := s.UserByID(t.Context(), u.ID)
		must(t, err)
		wantEqual(t, "password", after.PasswordHash, "new")
		wantEqual(t, "verified before", after.EmailVerifiedAt, u.EmailVerifiedAt)
		wantError(t, s.redeem(t, u, right, noon()), auth.ErrMovedOn)
	})
	t.Run("VerifyEmail", func(t *testing.T) {
		u := newUser()
		u.EmailVerifiedAt = nil
		must(t, s.AddUser(t.Context(), u, nil))
		_, err := s.EndSessions(t.Context(), auth.EndSessions{UserID: u.ID, At: noon(), VerifyEmail: true}, nil)
		must(t, err)
		after, err := s.UserByID(t.Context(), u.ID)
		must(t, err)
		wantEqual(t, "verified", after.EmailVerifiedAt, ptr(noon()))
		wantEqual(t, "updated", after.UpdatedAt, noon())
	})
}

// testVoidTokens: a change that raises the epoch leaves only used tokens, and those
// that undo a change.
func testVoidTokens(t *testing.T, s suite) {
	u, _ := s.signUp(t)
	stranger, _ := s.signUp(t)
	tokens := map[string]auth.OneTimeToken{}
	issue := func(name string, owner auth.User, purpose auth.TokenPurpose) {
		token := newToken(owner)
		token.Purpose = purpose
		s.issue(t, token)
		tokens[name] = token
	}
	issue("unused", u, auth.PurposeResetPassword)
	issue("used", u, auth.PurposeVerifyEmail)
	issue("stranger's", stranger, auth.PurposeResetPassword)
	issue("undo_email_change", u, auth.PurposeUndoEmailChange)
	must(t, s.redeem(t, u, auth.Redemption{Hash: tokens["used"].Hash, Purpose: auth.PurposeVerifyEmail}, noon()))
	left := func() (names []string) {
		for name, token := range tokens {
			if _, ok := s.token(t, token.Hash); ok {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		return names
	}
	wantEqual(t, "before", len(left()), len(tokens))
	_, tokens["cancel_deletion"] = s.beginDeletion(t, u, noon().Add(day))
	_, err := s.EndSessions(t.Context(), auth.EndSessions{UserID: u.ID, At: noon(), RaiseEpoch: true}, nil)
	must(t, err)
	wantEqual(t, "after", left(), []string{"cancel_deletion", "stranger's", "undo_email_change", "used"})
}

func testTryCode(t *testing.T, s suite) {
	ctx := t.Context()
	try := func(token auth.OneTimeToken, code auth.SecretHash, at time.Time) (auth.OneTimeToken, error) {
		return s.TryCode(ctx, auth.CodeTry{UserID: token.UserID, Purpose: token.Purpose, MACs: []auth.SecretHash{hash("another key"), code}, At: at})
	}
	newCode := func(t *testing.T) (auth.User, auth.OneTimeToken) {
		t.Helper()
		u, _ := s.signUp(t)
		token := newToken(u)
		s.issue(t, token)
		return u, token
	}
	t.Run("Right", func(t *testing.T) {
		u, token := newCode(t)
		newer := newToken(u)
		newer.CreatedAt = noon().Add(time.Minute)
		s.issue(t, newer)
		at := noon().Add(2 * time.Minute)
		got, err := try(token, *token.CodeMAC, at)
		must(t, err)
		token.Tries = 1
		wantEqual(t, "token", got, token)
		must(t, s.redeem(t, u, auth.Redemption{Hash: token.Hash, Purpose: token.Purpose}, at))
		got, err = try(token, *token.CodeMAC, at)
		must(t, err)
		wantEqual(t, "used", got.UsedAt, ptr(at))
	})
	t.Run("ErrNotFound", func(t *testing.T) {
		u, token := newCode(t)
		_, err := try(token, hash("wrong"), noon())
		wantError(t, err, auth.ErrNotFound)
		other := token
		other.Purpose = auth.PurposeVerifyEmail
		_, err = try(other, *token.CodeMAC, noon())
		wantError(t, err, auth.ErrNotFound)
		_, err = try(token, *token.CodeMAC, noon().Add(auth.CodeTTL)) // although the link is still valid
		wantError(t, err, auth.ErrNotFound)
		got, _ := s.token(t, token.Hash)
		wantEqual(t, "tries", got.Tries, 1)
		_, err = s.TryCode(ctx, auth.CodeTry{UserID: uuid.NewString(), Purpose: token.Purpose, At: noon()})
		wantError(t, err, auth.ErrNotFound)
		_, err = s.EndSessions(ctx, auth.EndSessions{UserID: u.ID, At: noon(), Disable: true}, nil)
		must(t, err)
		_, err = try(token, *token.CodeMAC, noon())
		wantError(t, err, auth.ErrNotFound)
	})
	t.Run("ErrTooManyTries", func(t *testing.T) {
		u, token := newCode(t)
		for i := range auth.MaxCodeTries {
			_, err := try(token, hash("wrong"+strconv.Itoa(i)), noon())
			wantError(t, err, auth.ErrNotFound)
		}
		_, err := try(token, *token.CodeMAC, noon())
		wantError(t, err, auth.ErrTooManyTries)
		fresh := newToken(u)
		fresh.CreatedAt = noon().Add(auth.CodeTriesWindow)
		fresh.ExpiresAt = fresh.CreatedAt.Add(time.Hour)
		s.issue(t, fresh)
		_, err = try(fresh, *fresh.CodeMAC, fresh.CreatedAt) // another mail gives no more tries
		wantError(t, err, auth.ErrTooManyTries)
		_, err = try(fresh, *fresh.CodeMAC, noon().Add(auth.CodeTriesWindow+auth.CodeTTL))
		wantError(t, err, auth.ErrNotFound) // the tries no longer count, and this code has expired
	})
}

func testCleanTokens(t *testing.T, s suite) {
	defer s.clock.Set(t, noon())
	u, _ := s.signUp(t)
	old, kept := newToken(u), newToken(u)
	old.ExpiresAt = noon().Add(-365 * day)
	kept.ExpiresAt = old.ExpiresAt.Add(auth.CodeTriesWindow)
	s.issue(t, old)
	s.issue(t, kept)
	clean := func(after time.Duration) int {
		t.Helper()
		s.clock.Set(t, old.ExpiresAt.Add(after))
		n, err := s.Clean(t.Context(), 10)
		must(t, err)
		return n
	}
	wantEqual(t, "while tries at it count", clean(auth.CodeTriesWindow), 0)
	wantEqual(t, "later", clean(2*auth.CodeTriesWindow), 1)
	_, gone := s.token(t, old.Hash)
	_, there := s.token(t, kept.Hash)
	wantEqual(t, "old and newer token", []bool{gone, there}, []bool{false, true})
}
