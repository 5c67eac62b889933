package store

import (
	"context"
	"strings"

	"github.com/google/uuid"

	"rekey/internal/auth"
)

// likeEscape stands before what LIKE would take for a pattern.
const likeEscape = "!"

// Users implements [auth.Store]. Pages follow the primary key, so that all of
// them together read each user once, whatever the filter.
func (s *Store) Users(ctx context.Context, f auth.UserFilter, limit int) ([]auth.User, error) {
	const doing = "list users"
	if err := checkText(f.Email); err != nil {
		return nil, fail(doing, err)
	}
	where, p := usersWhere(f)
	p["limit"] = limit
	rows, err := query(ctx, s.read, `SELECT `+list("", userColumns(), "")+` FROM users
		WHERE `+where+` ORDER BY id LIMIT @limit`, p, userFields)
	if err != nil {
		return nil, fail(doing, err)
	}
	users := make([]auth.User, len(rows))
	for i, row := range rows {
		users[i] = fromUserRow(row)
	}
	return users, nil
}

func usersWhere(f auth.UserFilter) (where string, p params) {
	after := f.After
	if !isID(after) {
		after = uuid.Nil.String()
	}
	where, p = "id > @after", params{"after": after}
	if f.Email != "" {
		where += " AND email_key LIKE @pattern ESCAPE '" + likeEscape + "'"
		p["pattern"] = "%" + literal(f.Email) + "%"
	}
	switch {
	case f.Disabled == nil:
	case *f.Disabled:
		where += " AND disabled_at IS NOT NULL"
	default:
		where += " AND disabled_at IS NULL"
	}
	return where, p
}

// literal makes LIKE take a text as it is.
func literal(s string) string {
	return strings.NewReplacer(likeEscape, likeEscape+likeEscape, "%", likeEscape+"%", "_", likeEscape+"_").Replace(s)
}
