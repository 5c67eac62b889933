package app

import (
	"context"
	"testing"
	"time"

	"rekey/internal/auth"
)

// slowHash calls pass before each password is hashed, unless it is nil.
type slowHash struct{ pass func() }

// Begin implements [auth.Observer].
func (h *slowHash) Begin(ctx context.Context, s auth.Step, _ auth.Client) (context.Context, func(error)) {
	if s == auth.StepHash && h.pass != nil {
		h.pass()
	}
	return ctx, func(error) {}
}

// Sessions begin and end when that is written, not when a hash began to be
// waited for: looks into the past go back only so far.
func TestHash_clock(t *testing.T) {
	s := newStack(t, engines()[0], nil)
	s.signUp("ada@example.com")
	mine := s.login("ada@example.com")
	s.ports.hashing.pass = func() { s.advance(20 * time.Second) }
	var data any
	if problem := s.graphql(mine.access, `mutation($p: String!) {
		changePassword(input: {currentPassword: $p, newPassword: "another fine horse"}) { sessionsEnded } }`, map[string]any{"p": goodPassword}, &data); problem != "" {
		t.Fatal(problem)
	}
	now := s.clock().UnixMicro()
	if at := s.number(`SELECT max(revoked_at) FROM sessions`); at != now {
		t.Errorf("a session ended %s before it was written", time.Duration(now-at)*time.Microsecond)
	}
	if problem := s.graphql("", `mutation { login(input: {email: "ada@example.com", password: "another fine horse"}) { token } }`, nil, &data); problem != "" {
		t.Fatal(problem)
	}
	now = s.clock().UnixMicro()
	if at := s.number(`SELECT max(created_at) FROM sessions`); at != now {
		t.Errorf("a session began %s before it was written", time.Duration(now-at)*time.Microsecond)
	}
}
