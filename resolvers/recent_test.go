package resolvers

import (
	"bytes"
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"rekey/internal/auth"
	"rekey/internal/limit"
)

// oneSession is a core with one session, whose access token is any text. It counts
// the statements about the session.
type oneSession struct {
	auth.Store // nil: what is not faked is not to be called
	auth.Tokens
	state auth.SessionState
	reads int
}

func (o *oneSession) SessionState(context.Context, string, auth.SecretHash) (auth.SessionState, error) {
	o.reads++
	return o.state, nil
}

func (o *oneSession) Verify(auth.TokenUse, string, time.Time) (auth.Claims, error) {
	sess := o.state.Session
	return auth.Claims{
		User: auth.ClaimsUser{ID: sess.UserID}, SessionID: sess.ID, Secret: "secret", IssuedAt: sess.IssuedAt, ExpiresAt: sess.AccessExpiresAt,
	}, nil
}

func (*oneSession) Invalidate(context.Context, ...auth.Invalidation) error { return nil }

func (*oneSession) KnownValid(context.Context, string, auth.SecretHash, time.Time) bool { return true }

func (*oneSession) Emit(context.Context, auth.Event) {}

// TestRequireRecent: @recent judges the row of the session, and together with @auth
// costs one statement, whichever of the two is called first.
func TestRequireRecent(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	revoked := func(s *auth.Session) { s.RevokedAt = &now }
	for name, c := range map[string]struct {
		age    time.Duration
		change func(*auth.Session)
		want   string
	}{
		"JustNow":    {0, nil, "ok"},
		"AtTheLimit": {10 * time.Minute, nil, "ok"},
		"Later":      {10*time.Minute + time.Microsecond, nil, "step_up_required"},
		"Revoked":    {0, revoked, "session_revoked"},
		"BothFaults": {time.Hour, revoked, "session_revoked"},
		"OldToken":   {0, func(s *auth.Session) { s.SecretHash = auth.HashSecret("next") }, "token_blacklisted"},
		"OldIssue":   {0, func(s *auth.Session) { s.IssuedAt = now.Add(-time.Hour) }, "token_expired"},
	} {
		t.Run(name, func(t *testing.T) {
			user := auth.User{ID: auth.NewID(now).String()}
			sess := auth.Session{
				ID: auth.NewID(now).String(), UserID: user.ID, SecretHash: auth.HashSecret("secret"),
				IssuedAt: now, AccessExpiresAt: now.Add(time.Hour), ExpiresAt: now.Add(24 * time.Hour), AuthenticatedAt: now.Add(-c.age),
			}
			if c.change != nil {
				c.change(&sess)
			}
			core := &oneSession{state: auth.SessionState{Session: sess, User: user, Now: now}}
			service, err := auth.New(auth.Options{
				Settings: auth.Settings{AccessTTL: 15 * time.Minute, RecentAuth: 10 * time.Minute},
				Store:    core, Tokens: core, Blacklist: core, Limiter: limit.Off{}, Events: core,
				Passwords: auth.NewPasswords(1, 1, nil), Now: func() time.Time { return now },
				RotationKeys: auth.FixedKeys(bytes.Repeat([]byte{7}, 32)),
			})
			if err != nil {
				t.Fatal(err)
			}
			ctx := withBearer(t, service)
			called := false
			_, err = requireRecent(ctx, nil, func(ctx context.Context) (any, error) {
				return requireCaller(ctx, nil, func(context.Context) (any, error) { called = true; return nil, nil }, false)
			})
			if got := auth.Outcome(err); got != c.want || called != (c.want == "ok") {
				t.Errorf("%s, resolved: %v, want %s", got, called, c.want)
			}
			if core.reads != 1 {
				t.Errorf("%d statements, want 1", core.reads)
			}
		})
	}
}

// withBearer returns the context of an operation with an access token.
func withBearer(t *testing.T, service *auth.Service) (ctx context.Context) {
	t.Helper()
	operation := &graphql.OperationContext{Headers: http.Header{"Authorization": {"Bearer token"}}}
	Authentication{Auth: service}.InterceptOperation(graphql.WithOperationContext(t.Context(), operation), func(got context.Context) graphql.ResponseHandler {
		ctx = got
		return nil
	})
	return ctx
}
