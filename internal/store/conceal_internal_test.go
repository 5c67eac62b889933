package store

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"rekey/internal/auth"
)

// An error of connecting contains no part of the URL, because a password may be
// at the place of a host or a name.
func TestOpen_concealsURL(t *testing.T) {
	const secret = "s3crettail"
	for _, url := range []string{
		"postgres://app:p@" + secret + ".invalid/x", "postgres://" + secret + ":p@127.0.0.1:1/x", "postgres://app:" + secret + "@127.0.0.1:1/" + secret,
		"postgres://app:p@127.0.0.1:1," + secret + ".invalid:1/x", "postgres://app:p@/x?host=/" + secret, "postgres://app:p@%2F" + secret + "/x",
	} {
		s, err := Open(t.Context(), Options{URL: url})
		if err == nil {
			_, _, err = s.UserByEmailKey(t.Context(), "ada@example.com")
			_ = s.Close()
		}
		text := auth.Cause(err).Error()
		if err == nil || strings.Contains(text, secret) || strings.Contains(err.Error(), secret) || !strings.Contains(text, "connecting to the server of DATABASE_URL: ") {
			t.Errorf("%s: %v", url, text)
		}
	}
}

func TestSocketURL(t *testing.T) {
	for url, want := range map[string]struct {
		host string
		port uint16
	}{
		"postgres://app:p%40@%2Fvar%2Frun%2Fpostgresql/x?sslmode=disable": {"/var/run/postgresql", 5432},
		"postgresql://app:p%40@%2fvar%2frun:5433/x":                       {"/var/run", 5433},
		"postgres://app:p%40@db:5434/x":                                   {"db", 5434},
	} {
		config, err := postgresConfig(url)
		if err != nil || config.Host != want.host || config.Port != want.port || config.User != "app" || config.Password != "p@" || config.Database != "x" {
			t.Errorf("%s: %v, %v", url, config, err)
		}
	}
	if config, err := pgx.ParseConfig(socketURL("postgres://%2Ftmp")); err != nil || config.Host != "/tmp" {
		t.Errorf("without a database: %v", err)
	}
}
