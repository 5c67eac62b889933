package cli_test

import (
	"testing"

	"rekey/internal/cli"
	"rekey/internal/config"
)

func TestNearest(t *testing.T) {
	names := []string{"list", "revoke", "DATABASE_URL", "DATABASE_WAIT", "PORT"}
	for word, want := range map[string]string{
		"lsit": "list", "lits": "list", "lst": "list", "LIST": "list", "revok": "revoke", "DATABSE_URL": "DATABASE_URL",
		"DATABASE_WIAT": "DATABASE_WAIT", "PROT": "PORT", "HOST": "", "": "", "xyz": "", "nonsense": "",
	} {
		if got := cli.Nearest(word, names); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", word, got, want)
		}
	}
}

// Variables that every process has are not similar to a setting.
func TestNearest_OtherVariables(t *testing.T) {
	for _, name := range []string{"HOME", "HOSTNAME", "PATH", "LANG", "USER", "PWD", "SHELL", "TERM", "LOGNAME"} {
		if got := cli.Nearest(name, config.Names()); got != "" {
			t.Errorf("Nearest(%q) = %q", name, got)
		}
	}
}
