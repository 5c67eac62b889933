package store

import (
	"strings"
	"sync"
	"testing"

	"gorm.io/gorm/schema"

	"rekey/models"
)

// Each list of columns is in the order of its model's fields.
func TestColumns(t *testing.T) {
	for columns, row := range map[string]any{
		userColumns: &models.User{}, sessionColumns: &models.Session{}, blacklistColumns: &models.BlacklistedToken{},
		eventColumns: &models.SecurityEvent{}, apiKeyColumns: &models.APIKey{}, sealedKeyColumns: &models.SealedKey{}, replicaColumns: &models.Replica{},
		oneTimeTokenColumns: &models.OneTimeToken{},
	} {
		s, err := schema.Parse(row, &sync.Map{}, schema.NamingStrategy{})
		if err != nil {
			t.Fatal(err)
		}
		if want := strings.Join(s.DBNames, ", "); columns != want {
			t.Errorf("the columns of %s are\n%s, want\n%s", s.Table, columns, want)
		}
	}
}
