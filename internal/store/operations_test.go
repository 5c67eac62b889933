package store_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"rekey/internal/store"
)

// TestOperations_document compares docs/reference/limits.md with the limits in
// the code.
func TestOperations_document(t *testing.T) {
	page, err := os.ReadFile("../../docs/reference/limits.md")
	if err != nil {
		t.Fatal(err)
	}
	seconds := func(d time.Duration) string { return fmt.Sprintf("| %d s |", d/time.Second) }
	for what, want := range map[string]string{
		"connect timeout":   "| connecting to Postgres " + seconds(store.ConnectTimeout),
		"lock timeout":      "| a row lock on Postgres " + seconds(store.LockTimeout),
		"statement timeout": "| a statement on Postgres, by the server " + seconds(store.StatementTimeout),
		"operation timeout": "a network that swallows everything " + seconds(store.OperationTimeout),
		"pool":              fmt.Sprintf("`DATABASE_MAX_CONNS` (%d)", store.DefaultMaxOpenConns),
		"lifetime":          fmt.Sprintf("replaces each after %d\nminutes", store.ConnMaxLifetime/time.Minute),
		"lock":              fmt.Sprintf("advisory lock (%d)", int64(store.CleanLock)),
	} {
		if !strings.Contains(string(page), want) {
			t.Errorf("%s: the page does not say %q", what, want)
		}
	}
}
