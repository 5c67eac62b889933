package cli

import (
	"context"
	"encoding/json"

	"github.com/urfave/cli/v3"

	"rekey/internal/auth"
)

// exportPerson prints everything that is stored about one person, as one JSON object.
func (p Program) exportPerson(ctx context.Context, cmd *cli.Command) error {
	return p.with(ctx, func(o Opened) error {
		data, err := o.Core.ExportPerson(ctx, cmd.String("all-of"), operator())
		if err != nil {
			return err
		}
		out := json.NewEncoder(p.Out)
		out.SetIndent("", "  ")
		return out.Encode(object{
			{"user", append(userListing().object(data.User), member{"hasPassword", data.User.HasPassword()})},
			{"sessions", objects(sessionsInFull(), data.Sessions)},
			{"links", objects(linkListing(), data.Tokens)},
			{"mails", objects(mailListing(), data.Mails)},
			{"events", objects(eventListing(), data.Events)},
		})
	})
}

// objects returns the JSON forms of values, never null.
func objects[T any](l listing[T], list []T) []object {
	all := make([]object, len(list))
	for i, v := range list {
		all[i] = l.object(v)
	}
	return all
}

// sessionsInFull lists sessions that may have ended.
func sessionsInFull() listing[auth.Session] {
	l := sessionListing()
	l.fields = append(l.fields,
		field[auth.Session]{"", "authenticatedAt", func(s auth.Session) any { return s.AuthenticatedAt }},
		field[auth.Session]{"", "methods", func(s auth.Session) any { return s.Methods }},
		field[auth.Session]{"", "revokedAt", func(s auth.Session) any { return s.RevokedAt }},
		field[auth.Session]{"", "revokedReason", func(s auth.Session) any { return orNull(s.RevokedReason) }},
	)
	return l
}

// linkListing lists links and codes that were mailed. Their secrets are not stored.
func linkListing() listing[auth.OneTimeToken] {
	return listing[auth.OneTimeToken]{fields: []field[auth.OneTimeToken]{
		{"", "purpose", func(t auth.OneTimeToken) any { return t.Purpose }},
		{"", "emailKey", func(t auth.OneTimeToken) any { return t.EmailKey }},
		{"", "payload", func(t auth.OneTimeToken) any { return orNull(t.Payload) }},
		{"", "createdAt", func(t auth.OneTimeToken) any { return t.CreatedAt }},
		{"", "expiresAt", func(t auth.OneTimeToken) any { return t.ExpiresAt }},
		{"", "usedAt", func(t auth.OneTimeToken) any { return t.UsedAt }},
	}}
}
