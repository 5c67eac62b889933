package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/pressly/goose/v3"

	"rekey/internal/auth"
)

// mailKeysVersion is the migration that gives the accounts the keys of today's
// rules for addresses.
const mailKeysVersion = 9

// goMigrations returns the migrations that need the core's rules, which SQL does
// not have.
func (s *Store) goMigrations() []*goose.Migration {
	former := func(email string) (string, error) { return auth.FormerEmailKey(email), nil }
	return []*goose.Migration{
		goose.NewGoMigration(mailKeysVersion,
			&goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error { return s.changeMailKeys(ctx, tx, auth.EmailKey) }},
			&goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error { return s.changeMailKeys(ctx, tx, former) }},
		),
	}
}

// changeMailKeys gives each account the key of its address, unless another
// account has that key. An account that keeps its key still works. The oldest
// account of a mailbox is the first one that gets the key.
func (s *Store) changeMailKeys(ctx context.Context, tx *sql.Tx, keyOf func(email string) (string, error)) error {
	accounts, err := internationalAccounts(ctx, tx)
	if err != nil {
		return err
	}
	kept := 0
	for _, a := range accounts {
		key, err := keyOf(a.email)
		if err != nil || key == "" {
			kept++ // no new account may have this address
			continue
		}
		if key == a.key {
			continue
		}
		result, err := tx.ExecContext(ctx, `UPDATE users SET email_key = $1 WHERE id = $2
			AND NOT EXISTS (SELECT 1 FROM users WHERE email_key = $1)`, key, a.id)
		if err != nil {
			return fmt.Errorf("changing the key of user %s: %w", a.id, err)
		}
		if n, err := result.RowsAffected(); err != nil {
			return err
		} else if n == 0 {
			kept++
		}
	}
	if kept > 0 {
		s.options.logger().WarnContext(ctx, "accounts keep the key of an earlier version: they share a mailbox with another account, or have "+
			"an address that is no longer accepted; list them with rekey users clashes", "accounts", kept)
	}
	return nil
}

type mailAccount struct{ id, email, key string }

// internationalAccounts reads the accounts that the rules for international
// addresses concern, the oldest first. The key of others did not change.
func internationalAccounts(ctx context.Context, tx *sql.Tx) (accounts []mailAccount, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT id, email, email_key FROM users
		WHERE octet_length(email) <> length(email) OR lower(email) LIKE '%@%xn--%' ORDER BY id`)
	if err != nil {
		return nil, fmt.Errorf("listing international addresses: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var a mailAccount
		if err := rows.Scan(&a.id, &a.email, &a.key); err != nil {
			return nil, fmt.Errorf("listing international addresses: %w", err)
		}
		accounts = append(accounts, a)
	}
	return accounts, rows.Err()
}
