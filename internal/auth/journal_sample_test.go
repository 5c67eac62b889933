package auth_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"rekey/internal/auth"
	"rekey/internal/limit"
)

// changesStack is a core whose changes all succeed. It keeps what the store is to
// record, and what is emitted.
type changesStack struct {
	auth.Store // nil: what is not faked is not to be called
	auth.Tokens
	recorded, emitted map[auth.EventKind]int
	now               time.Time
}

const changesUser, changesSession = "01900000-0000-7000-8000-000000000001", "01900000-0000-7000-8000-000000000002"

func newChangesStack(t *testing.T) (*changesStack, *auth.Service) {
	t.Helper()
	s := &changesStack{recorded: map[auth.EventKind]int{}, emitted: map[auth.EventKind]int{}, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	clock := func() time.Time { return s.now }
	core, err := auth.New(auth.Options{
		Store: s, Tokens: s, Blacklist: s, Limiter: limit.NewMemory(1000, clock), Events: s, Passwords: auth.NewPasswords(1, 8, nil),
		Logger: slog.New(slog.DiscardHandler), Now: clock, RotationKeys: auth.FixedKeys(make([]byte, 32)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return s, core
}

func (s *changesStack) record(e *auth.Event) {
	if e != nil {
		s.recorded[e.Kind]++
	}
}

func (s *changesStack) Emit(_ context.Context, e auth.Event) { s.emitted[e.Kind]++ }

func (s *changesStack) Invalidate(context.Context, ...auth.Invalidation) error { return nil }

func (s *changesStack) KnownValid(context.Context, string, auth.SecretHash, time.Time) bool {
	return false
}

func (s *changesStack) Now(context.Context) (time.Time, error) { return s.now, nil }

func (s *changesStack) Verify(auth.TokenUse, string, time.Time) (auth.Claims, error) {
	return auth.Claims{User: auth.ClaimsUser{ID: changesUser}, SessionID: changesSession, ExpiresAt: s.now.Add(time.Hour)}, nil
}

func (s *changesStack) VerifyExpired(u auth.TokenUse, token string, now time.Time) (auth.Claims, error) {
	return s.Verify(u, token, now)
}

func (s *changesStack) SessionState(context.Context, string, auth.SecretHash) (auth.SessionState, error) {
	return auth.SessionState{Session: auth.Session{ID: changesSession, UserID: changesUser}}, nil
}

func (s *changesStack) UserByID(context.Context, string) (auth.User, error) {
	return auth.User{ID: changesUser}, nil
}

func (s *changesStack) RevokeSession(_ context.Context, _, _, _ string, _ time.Time, e *auth.Event) (bool, error) {
	s.record(e)
	return true, nil
}

func (s *changesStack) EndSessions(_ context.Context, _ auth.EndSessions, e *auth.Event) ([]string, error) {
	s.record(e)
	return nil, nil
}

func (s *changesStack) BlacklistAccess(_ context.Context, t auth.BlacklistedToken, e *auth.Event) (auth.BlacklistedToken, error) {
	s.record(e)
	return t, nil
}

// TestService_JournalSampleOfChanges: the journal records the first changes of each
// kind of one user, and then a sample. All are emitted, and those left out are
// counted.
func TestService_JournalSampleOfChanges(t *testing.T) {
	const many, burst, hour = 200, 100, 12
	caller := auth.Caller{UserID: changesUser, SessionID: changesSession}
	for name, tt := range map[string]struct {
		kind   auth.EventKind
		change func(core *auth.Service) error
		want   int // 0: all
	}{
		"RevokeSession": {auth.EventSessionRevoked, func(core *auth.Service) error {
			_, err := core.RevokeSession(t.Context(), caller, changesSession, client())
			return err
		}, burst},
		"Logout": {auth.EventLogout, func(core *auth.Service) error {
			_, err := core.Logout(t.Context(), "token", client())
			return err
		}, burst},
		"EndSessions": {auth.EventLogout, func(core *auth.Service) error {
			_, err := core.EndSessions(t.Context(), caller, auth.ScopeOthers, client())
			return err
		}, burst},
		"RevokeToken": {auth.EventTokenBlacklist, func(core *auth.Service) error {
			return core.RevokeToken(t.Context(), auth.APIKeyCaller{Scopes: []auth.Scope{auth.ScopeRevoke}}, "token", client())
		}, burst},
		"Operator": {auth.EventSessionRevoked, func(core *auth.Service) error {
			_, err := core.EndUserSessions(t.Context(), changesUser, auth.Operator("ada"))
			return err
		}, 0},
		"Disable": {auth.EventUserDisabled, func(core *auth.Service) error {
			_, err := core.DisableUser(t.Context(), changesUser, auth.Operator("ada"))
			return err
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s, core := newChangesStack(t)
			for i := range many {
				if i%20 == 0 {
					s.now = s.now.Add(time.Second * 2) // no other limit refuses
				}
				if err := tt.change(core); err != nil {
					t.Fatal(err)
				}
			}
			want := tt.want
			if want == 0 {
				want = many
			}
			if got := s.recorded[tt.kind]; got != want || s.emitted[tt.kind] != many || s.emitted[auth.EventJournalSampled] != many-want {
				t.Errorf("%d recorded, want %d; emitted: %v", got, want, s.emitted)
			}
			if tt.want == 0 {
				return
			}
			s.now = s.now.Add(time.Hour)
			for range 20 {
				if err := tt.change(core); err != nil {
					t.Fatal(err)
				}
			}
			if got := s.recorded[tt.kind] - want; got != hour {
				t.Errorf("%d recorded of the next hour, want %d", got, hour)
			}
		})
	}
}

// TestService_BlacklistTokenLimited: each entry is a row, so that a user cannot make
// them without limit.
func TestService_BlacklistTokenLimited(t *testing.T) {
	s, core := newChangesStack(t)
	caller := auth.Caller{UserID: changesUser, SessionID: changesSession}
	for i := range 31 {
		caller.SessionID = changesSession[:34] + string(rune('a'+i%6)) // one user, several sessions
		_, err := core.BlacklistToken(t.Context(), caller, "token", "", client())
		if limited := i == 30; (err != nil) != limited || limited && auth.AsError(err).Code != auth.CodeRateLimited {
			t.Fatalf("call %d: %v", i, err)
		}
	}
	s.now = s.now.Add(5 * time.Second)
	if _, err := core.BlacklistToken(t.Context(), caller, "token", "", client()); err != nil {
		t.Errorf("after a while: %v", err)
	}
}
