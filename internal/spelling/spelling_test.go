package spelling_test

import (
	"testing"

	"rekey/internal/spelling"
)

func TestNearest(t *testing.T) {
	names := []string{"list", "revoke", "DATABASE_URL", "DATABASE_WAIT", "PORT"}
	for word, want := range map[string]string{
		"lsit": "list", "lits": "list", "lst": "list", "LIST": "list", "revok": "revoke", "DATABSE_URL": "DATABASE_URL",
		"DATABASE_WIAT": "DATABASE_WAIT", "PROT": "PORT", "HOST": "", "": "", "xyz": "", "nonsense": "",
	} {
		if got := spelling.Nearest(word, names); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", word, got, want)
		}
	}
}
