package auth

import (
	"testing"
)

func TestPlainCode(t *testing.T) {
	for _, code := range []string{"12345678", " 1234 5678 ", "1234-5678", "1234\u00a05678", "12 34–56 78\n", "１２３４５６７８", "١٢٣٤٥٦٧٨"} {
		if got, ok := plainCode(code); !ok || got != "12345678" {
			t.Errorf("%q: %q, %v", code, got, ok)
		}
	}
	for _, code := range []string{"", "1234567", "123456789", "1234567a", "12345678\x00", "-12345678-1"} {
		if got, ok := plainCode(code); ok {
			t.Errorf("%q: %q", code, got)
		}
	}
}

// TestNewCode: codes have eight digits, leading zeros included, and differ. Their
// MACs depend on purpose, account and key.
func TestNewCode(t *testing.T) {
	s := &Service{rotationKeys: FixedKeys([]byte("new"), []byte("old"))}
	seen := map[string]bool{}
	for range 1000 {
		code, mac := s.newCode(PurposeVerifyEmail, "user")
		if plain, ok := plainCode(code); !ok || plain != code {
			t.Fatalf("%q", code)
		}
		if mac != codeMAC(s.codeKeys()[0], PurposeVerifyEmail, "user", code) {
			t.Fatal("the MAC is not that of the newest key")
		}
		seen[code] = true
	}
	if len(seen) < 990 {
		t.Errorf("%d different codes of 1000", len(seen))
	}
	key := s.codeKeys()[0]
	mac := codeMAC(key, PurposeVerifyEmail, "user", "12345678")
	for _, other := range []SecretHash{
		codeMAC(key, PurposeResetPassword, "user", "12345678"), codeMAC(key, PurposeVerifyEmail, "other", "12345678"),
		codeMAC(key, PurposeVerifyEmail, "user", "12345679"), codeMAC(s.codeKeys()[1], PurposeVerifyEmail, "user", "12345678"),
	} {
		if other == mac {
			t.Error("two MACs are equal")
		}
	}
}
