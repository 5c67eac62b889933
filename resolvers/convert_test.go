package resolvers

import (
	"testing"
	"time"

	"rekey/internal/auth"
)

var epoch = time.Date(2021, 6, 1, 12, 0, 0, 0, time.UTC)

func TestPayloadOf(t *testing.T) {
	grant := auth.Grant{
		AccessToken: "a", RefreshToken: "r",
		AccessExpiresAt: epoch.Add(15 * time.Minute), RefreshExpiresAt: epoch.Add(time.Hour),
		ServerTime: epoch.Add(900 * time.Millisecond),
		User:       auth.User{ID: "u"},
		Session:    auth.Session{ID: "s"},
	}
	p := payloadOf(grant)
	if p.Token != "a" || *p.RefreshToken != "r" || p.User.ID != "u" || p.Session.ID != "s" || !p.Session.Current {
		t.Errorf("payload = %+v", p)
	}
	if p.ExpiresIn != 900 || p.TokenExpiration != grant.AccessExpiresAt || p.RefreshExpiration != grant.RefreshExpiresAt {
		t.Errorf("times: %+v", p)
	}
	// A repeated pair whose access token has run out meanwhile.
	grant.ServerTime = epoch.Add(time.Hour)
	if got := payloadOf(grant).ExpiresIn; got != 0 {
		t.Errorf("expiresIn = %d", got)
	}
}

func TestSessionOf(t *testing.T) {
	revoked := epoch
	s := auth.Session{
		ID: "s", Generation: 3, RefreshExpiresAt: epoch.Add(time.Hour), ExpiresAt: epoch.Add(2 * time.Hour),
		UserAgent: "agent", RevokedAt: &revoked, RevokedReason: auth.RevokedByReuse,
	}
	got := sessionOf(s, "other")
	if got.Current || got.Generation != 3 || *got.UserAgent != "agent" || got.IPAddress != nil {
		t.Errorf("session = %+v", got)
	}
	if got.ExpiresAt != s.RefreshExpiresAt || got.AbsoluteExpiresAt != s.ExpiresAt || *got.RevokedReason != "reuse" {
		t.Errorf("ends: %+v", got)
	}
	if live := sessionOf(auth.Session{ID: "s"}, "s"); !live.Current || live.RevokedAt != nil || live.RevokedReason != nil {
		t.Errorf("live session = %+v", live)
	}
}

// An empty list is [] and never null, which the schema does not allow.
func TestSessionsOf_None(t *testing.T) {
	if got := sessionsOf(nil, "s"); got == nil || len(got) != 0 {
		t.Errorf("sessions = %v", got)
	}
}

func TestBlacklistedOf(t *testing.T) {
	for use, want := range map[auth.TokenUse]string{auth.UseAccess: "ACCESS", auth.UseRefresh: "REFRESH"} {
		got := blacklistedOf(auth.BlacklistedToken{SessionID: "s", Use: use})
		if got.Use.String() != want || got.Reason != nil || got.SessionID != "s" {
			t.Errorf("note = %+v", got)
		}
	}
}
