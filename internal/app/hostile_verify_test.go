package app

import (
	"testing"
	"time"

	"rekey/internal/auth"
	"rekey/internal/test/hostiletokens"
	"rekey/internal/token"
)

// TestHostileTokens_asVerify: rekey accepts and refuses the same access tokens as
// package verify, which runs the same table, with a cache and without one.
func TestHostileTokens_asVerify(t *testing.T) {
	for _, e := range engines()[:2] {
		t.Run(e.name, func(t *testing.T) {
			s := newStack(t, e, nil)
			mine := s.signUp("ada@example.com")
			keys, _ := s.app.ring.KeySets()
			claims, err := s.ports.tokens.Verify(auth.UseAccess, mine.access, s.clock())
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range hostiletokens.Table(t, hostiletokens.Base{
				Key: keys.Signing, KID: token.Thumbprint(&keys.Signing.PublicKey), UserID: claims.User.ID, SessionID: claims.SessionID,
				Secret: claims.Secret, IssuedAt: s.clock().Truncate(time.Second),
			}) {
				_, err := s.app.core.Authenticate(t.Context(), row.Text, auth.Client{Address: "192.0.2.1"})
				if accepted := err == nil; accepted != row.Valid {
					t.Errorf("%s: accepted is %v, want %v (%v)", row.Name, accepted, row.Valid, err)
				}
			}
		})
	}
}
