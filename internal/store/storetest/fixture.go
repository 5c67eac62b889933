package storetest

import (
	"context"
	"crypto/sha256"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"

	"rekey/internal/auth"
)

// noon returns the time of the tests, with all digits that are stored.
func noon() time.Time { return time.Date(2025, 3, 1, 12, 0, 0, 123456000, time.UTC) }

const day = 24 * time.Hour

func ptr[T any](v T) *T { return &v }

func hash(text string) auth.SecretHash { return sha256.Sum256([]byte(text)) }

// newUser returns a user that no other test uses.
func newUser() auth.User {
	id := uuid.NewString()
	return auth.User{
		ID: id, Name: "Zoë Ågren", Email: "Zoe+" + id + "@example.org", EmailKey: "zoe+" + id + "@example.org",
		EmailVerifiedAt: ptr(noon().Add(time.Microsecond)),
		CreatedAt:       noon(), UpdatedAt: noon().Add(2 * time.Microsecond),
		PasswordHash: "$argon2id$" + id, Locale: "sv-SE",
	}
}

// newSession returns a session of the user as a login at noon creates it.
func newSession(userID string) auth.Session {
	id := uuid.NewString()
	issued := noon().Truncate(time.Second)
	return auth.Session{
		ID: id, UserID: userID, Generation: 1, SecretHash: hash(id + "1"),
		IssuedAt: issued, AccessExpiresAt: issued.Add(15 * time.Minute),
		RefreshExpiresAt: issued.Add(30 * day), ExpiresAt: issued.Add(90 * day),
		UserAgent: "Mozilla/5.0 (test)", IPAddress: "2001:db8::1",
		CreatedAt: noon(), LastSeenAt: noon(), AuthenticatedAt: noon(), Methods: []auth.Method{auth.MethodPassword},
	}
}

// signUp stores a user with a session.
func (s suite) signUp(t *testing.T) (auth.User, auth.Session) {
	t.Helper()
	u := newUser()
	sess := newSession(u.ID)
	must(t, s.CreateUser(t.Context(), auth.NewAccount{User: u, Session: sess}, nil))
	return u, sess
}

// createSession is CreateSession without its result.
func (s suite) createSession(ctx context.Context, sess auth.Session, epoch int64, password, rehash string, e *auth.Event) error {
	_, err := s.CreateSession(ctx, auth.NewSession{Session: sess, Epoch: epoch, PasswordHash: password, Rehash: rehash}, e)
	return err
}

// login stores one more session of the user.
func (s suite) login(t *testing.T, u auth.User) auth.Session {
	t.Helper()
	sess := newSession(u.ID)
	must(t, s.createSession(t.Context(), sess, u.AuthEpoch, u.PasswordHash, "", nil))
	return sess
}

// rotation returns a rotation of sess an hour after noon, which the database must
// accept at noon.
func rotation(sess auth.Session) auth.Rotation {
	at := noon().Add(time.Hour)
	return auth.Rotation{
		SessionID: sess.ID, UserID: sess.UserID,
		Current: sess.SecretHash, Next: hash(sess.ID + "next"), Attempt: hash(sess.ID + "attempt"),
		Now: at, IssuedAt: at.Truncate(time.Second), ClockLeeway: time.Hour, ReuseWindow: 10 * time.Second,
		AccessExpiresAt:  at.Truncate(time.Second).Add(15 * time.Minute),
		RefreshExpiresAt: at.Truncate(time.Second).Add(30 * day),
		UserAgent:        "agent of " + sess.ID, IPAddress: "192.0.2.7", Transport: auth.TransportREST,
	}
}

// state reads a session with its user.
func (s suite) state(t *testing.T, id string) auth.SessionState {
	t.Helper()
	st, err := s.SessionState(t.Context(), id, auth.SecretHash{})
	must(t, err)
	return st
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("unexpected error: %v (cause: %v)", err, errors.Unwrap(err))
	}
}

func wantError(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error is %v, want %v", err, want)
	}
}

func wantEqual[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}
