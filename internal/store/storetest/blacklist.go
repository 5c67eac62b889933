package storetest

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"rekey/internal/auth"
)

func accessToken(sess auth.Session) auth.BlacklistedToken {
	return auth.BlacklistedToken{
		SessionID: sess.ID, SecretHash: sess.SecretHash, Use: auth.UseAccess,
		Reason: "stolen", BlacklistedAt: noon(), ExpiresAt: sess.AccessExpiresAt,
	}
}

func refreshToken(sess auth.Session) auth.BlacklistedToken {
	token := accessToken(sess)
	token.Use, token.ExpiresAt = auth.UseRefresh, sess.RefreshExpiresAt
	return token
}

func testBlacklistAccess(t *testing.T, s suite) {
	_, sess := s.signUp(t)
	first := accessToken(sess)
	t.Run("Records", func(t *testing.T) {
		got, err := s.BlacklistAccess(t.Context(), first, nil)
		must(t, err)
		wantEqual(t, "token", got, first)
		wantEqual(t, "session", s.state(t, sess.ID).Session, sess)
	})
	t.Run("RepeatKeepsFirst", func(t *testing.T) {
		again := first
		again.Reason, again.BlacklistedAt = "again", noon().Add(time.Hour)
		got, err := s.BlacklistAccess(t.Context(), again, nil)
		must(t, err)
		wantEqual(t, "token", got, first)
	})
	t.Run("OtherSecret", func(t *testing.T) {
		other := first
		other.SecretHash, other.Reason = hash("other"), "other"
		got, err := s.BlacklistAccess(t.Context(), other, nil)
		must(t, err)
		wantEqual(t, "token", got, other)
	})
	t.Run("ErrNotFound", func(t *testing.T) {
		other := first
		other.SessionID = uuid.NewString()
		_, err := s.BlacklistAccess(t.Context(), other, nil)
		wantError(t, err, auth.ErrNotFound)
	})
}

func testBlacklistRefresh(t *testing.T, s suite) {
	_, sess := s.signUp(t)
	flag := func(token auth.BlacklistedToken) bool {
		t.Helper()
		done, err := s.BlacklistRefresh(t.Context(), token, nil)
		must(t, err)
		return done
	}
	moved := refreshToken(sess)
	moved.SecretHash = hash("rotated away")
	wantEqual(t, "another secret", flag(moved), false)
	wantEqual(t, "session", s.state(t, sess.ID).Session, sess)

	token := refreshToken(sess)
	wantEqual(t, "current secret", flag(token), true)
	token.BlacklistedAt = noon().Add(time.Hour)
	wantEqual(t, "again", flag(token), true)
	want := sess
	want.RefreshBlacklistedAt = ptr(noon())
	wantEqual(t, "session", s.state(t, sess.ID).Session, want)

	token.SessionID = uuid.NewString()
	wantEqual(t, "unknown session", flag(token), false)
}
