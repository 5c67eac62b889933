package store

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"
)

// isID reports whether id is a UUID as it is stored: lower case, with hyphens.
// No row has any other id, and Postgres would refuse to look for it.
func isID(id string) bool {
	u, err := uuid.Parse(id)
	return err == nil && u.String() == id
}

func checkIDs(ids ...string) error {
	for _, id := range ids {
		if !isID(id) {
			return fmt.Errorf("an id that is no UUID in lower case: %w", errBadValue)
		}
	}
	return nil
}

// checkText refuses text that Postgres cannot hold, on both engines. SQLite
// would take it, and answer "not found" where Postgres fails.
func checkText(texts ...string) error {
	for _, text := range texts {
		if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
			return fmt.Errorf("text with NUL or invalid UTF-8: %w", errBadValue)
		}
	}
	return nil
}
