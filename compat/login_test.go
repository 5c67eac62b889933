package compat

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"

	"rekey/internal/auth"
)

const (
	accessTTL  = 15 * time.Minute
	refreshTTL = 30 * 24 * time.Hour
	sessionTTL = 90 * 24 * time.Hour
)

// login is a user with a session and the pairs of it.
type login struct {
	t               *testing.T
	stack           *stack
	user            auth.User
	session         auth.Session // as it was made
	secret          string
	access, refresh string // the first pair
	newest          string // the newest refresh token
}

// login makes a user with one session, straight in the database.
func (s *stack) login(t *testing.T) *login {
	t.Helper()
	now := s.clock.Now()
	id := uuid.NewString()
	l := &login{t: t, stack: s, user: auth.User{
		ID: id, Name: "Rachel", Email: id + "@example.com", EmailKey: id + "@example.com",
		CreatedAt: now.Add(-time.Hour), UpdatedAt: now.Add(-time.Hour), PasswordHash: "none",
	}}
	l.begin()
	if err := s.store.CreateUser(t.Context(), auth.NewAccount{User: l.user, Session: l.session}, nil); err != nil {
		t.Fatal(err)
	}
	return l
}

// begin makes a session and its pair a minute ago, not yet stored.
func (l *login) begin() {
	issued := l.now().Add(-time.Minute)
	b := make([]byte, 32)
	_, _ = rand.Read(b)
	l.secret = hex.EncodeToString(b)
	l.session = auth.Session{
		ID: uuid.NewString(), UserID: l.user.ID, Generation: 1, SecretHash: auth.HashSecret(l.secret),
		IssuedAt: issued, AccessExpiresAt: issued.Add(accessTTL), RefreshExpiresAt: issued.Add(refreshTTL),
		ExpiresAt: issued.Add(sessionTTL), CreatedAt: issued, LastSeenAt: issued,
	}
	access := claimsFor(l.user, l.session.ID, l.secret, issued, accessTTL)
	l.access = signToken(l.t, l.stack.access, headerES256, toJSON(l.t, access))
	l.refresh = l.sign(func(*tokenClaims) {})
	l.newest = l.refresh
}

// beginOther replaces the session by another one, stored after alter.
func (l *login) beginOther(alter func(*auth.Session)) {
	l.t.Helper()
	l.begin()
	alter(&l.session)
	if _, err := l.stack.store.CreateSession(l.t.Context(), auth.NewSession{Session: l.session, Epoch: l.user.AuthEpoch, PasswordHash: l.user.PasswordHash}, nil); err != nil {
		l.t.Fatal(err)
	}
}

func (l *login) now() time.Time { return l.stack.clock.Now() }

// sign signs the refresh token's claims after alter.
func (l *login) sign(alter func(*tokenClaims)) string {
	l.t.Helper()
	c := claimsFor(l.user, l.session.ID, l.secret, l.session.IssuedAt, refreshTTL)
	alter(&c)
	return l.signRaw(headerES256, toJSON(l.t, c))
}

func (l *login) signRaw(header, claims string) string {
	l.t.Helper()
	return signToken(l.t, l.stack.refresh, header, claims)
}

// rotate replaces the newest refresh token through the transport.
func (l *login) rotate() {
	l.t.Helper()
	res := l.stack.send(l.t, http.MethodGet, refreshPath, http.Header{"Authorization": {"Bearer " + l.newest}}, "")
	if res.status != http.StatusCreated {
		l.t.Fatalf("rotating: %d %s", res.status, res.body)
	}
	l.newest = res.envelopeOf(l.t).Payload.RefreshToken
}

func (l *login) revoke() {
	l.t.Helper()
	ended, err := l.stack.store.RevokeSession(l.t.Context(), l.user.ID, l.session.ID, auth.RevokedByLogout, l.now(), nil)
	if err != nil || !ended {
		l.t.Fatalf("revoking: %t, %v", ended, err)
	}
}

func (l *login) disable() {
	l.t.Helper()
	change := auth.EndSessions{UserID: l.user.ID, Reason: auth.RevokedByDisabling, At: l.now(), RaiseEpoch: true, Disable: true}
	if _, err := l.stack.store.EndSessions(l.t.Context(), change, nil); err != nil {
		l.t.Fatal(err)
	}
}

// expire goes on with a session whose absolute end has passed.
func (l *login) expire() {
	l.t.Helper()
	l.beginOther(func(s *auth.Session) { s.ExpiresAt = l.now().Add(-time.Second) })
}

// idle goes on with a session that was not used for too long.
func (l *login) idle() {
	l.t.Helper()
	l.beginOther(func(s *auth.Session) { s.RefreshExpiresAt = l.now().Add(-time.Second) })
}

// state returns the session as stored in the database.
func (l *login) state() auth.Session {
	l.t.Helper()
	st, err := l.stack.store.SessionState(l.t.Context(), l.session.ID, l.session.SecretHash)
	if err != nil {
		l.t.Fatal(err)
	}
	return st.Session
}
