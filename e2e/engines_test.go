package e2e

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"rekey/internal/test/throwaway"
)

// engine is a database, with or without Redis, to run rekey on.
type engine struct {
	name string
	env  func(t *testing.T) map[string]string
}

func engines() []engine {
	return []engine{
		{"SQLite", func(t *testing.T) map[string]string {
			return map[string]string{"DATA_DIR": t.TempDir()}
		}},
		{"Postgres", func(t *testing.T) map[string]string {
			return map[string]string{"DATA_DIR": t.TempDir(), "DATABASE_URL": throwaway.Postgres(t)}
		}},
		{"Postgres and Redis", func(t *testing.T) map[string]string {
			return map[string]string{
				"DATA_DIR": t.TempDir(), "DATABASE_URL": throwaway.Postgres(t), "REDIS_URL": throwaway.Redis(t).URL(),
			}
		}},
	}
}

func decodeClaims(t *testing.T, token string, into any) {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("not a token: %q", token)
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		t.Fatal(err)
	}
}
