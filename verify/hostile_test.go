package verify_test

import (
	"testing"
	"time"

	"rekey/internal/test/hostiletokens"
	"rekey/verify"
)

// TestVerifier_hostileTokens: a Verifier accepts and refuses what rekey does.
func TestVerifier_hostileTokens(t *testing.T) {
	r := newRekey(t)
	v := r.verifier()
	for _, row := range hostiletokens.Table(t, hostiletokens.Base{
		Key: r.key, KID: "k1", UserID: "0199aaaa-0000-7000-8000-0000000000aa", SessionID: session, Secret: "secret",
		IssuedAt: r.clock.Now().Truncate(time.Second),
	}) {
		expected := verify.ErrInvalid
		if row.Valid {
			expected = nil
		}
		want(t, v, row.Name, row.Text, expected)
	}
}
