package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/urfave/cli/v3"

	"rekey/internal/auth"
)

func (p Program) apikeys() *cli.Command {
	return group("apikeys", "administer API keys, which programs authenticate with", "rekey apikeys list",
		&cli.Command{
			Name: "create", Usage: "create a key and show it once", Action: p.createAPIKey,
			Description: "Example:\n  rekey apikeys create --name orders --scope tokens:introspect",
			Flags: []cli.Flag{
				&cli.StringFlag{Name: "name", Usage: "the name of the program", Required: true},
				&cli.StringSliceFlag{Name: "scope", Usage: "what the key permits: " + auth.ScopeList(), Required: true},
			},
		},
		listCommand(p, &cli.Command{
			Usage:       "list the keys",
			Description: "Example:\n  rekey apikeys list --json",
		}, apiKeyListing(), func(*cli.Command) (fetch[auth.APIKey], error) {
			return func(ctx context.Context, o Opened, _ int) ([]auth.APIKey, error) { return o.APIKeys.List(ctx) }, nil
		}),
		&cli.Command{
			Name: "revoke", Usage: "revoke a key", ArgsUsage: "PREFIX", Action: p.revokeAPIKey,
			Description: "list shows the prefixes.\n\nExample:\n  rekey apikeys revoke 4f1c09aa",
		},
	)
}

func apiKeyListing() listing[auth.APIKey] {
	return listing[auth.APIKey]{fields: []field[auth.APIKey]{
		{"PREFIX", "prefix", func(k auth.APIKey) any { return k.Prefix }},
		{"NAME", "name", func(k auth.APIKey) any { return k.Name }},
		{"", "scopes", func(k auth.APIKey) any { return k.Scopes }},
		{"SCOPES", "", func(k auth.APIKey) any { return strings.Trim(fmt.Sprint(k.Scopes), "[]") }},
		{"CREATED", "createdAt", func(k auth.APIKey) any { return k.CreatedAt }},
		{"LAST USED", "lastUsedAt", func(k auth.APIKey) any { return k.LastUsedAt }},
		{"REVOKED", "revokedAt", func(k auth.APIKey) any { return k.RevokedAt }},
	}}
}

func (p Program) createAPIKey(ctx context.Context, cmd *cli.Command) error {
	var scopes []auth.Scope
	for _, s := range cmd.StringSlice("scope") {
		scopes = append(scopes, auth.Scope(s))
	}
	return p.with(ctx, func(o Opened) error {
		key, created, err := o.APIKeys.Create(ctx, cmd.String("name"), scopes)
		if err != nil {
			return err
		}
		return p.show(cmd, append(apiKeyListing().object(created), member{"key", key}), fmt.Sprintf(
			"%s\n\nThis is the key of %s. It cannot be shown again. To revoke it: rekey apikeys revoke %s\n", key, created.Name, created.Prefix))
	})
}

func (p Program) revokeAPIKey(ctx context.Context, cmd *cli.Command) error {
	return p.with(ctx, func(o Opened) error {
		ended, err := o.APIKeys.Revoke(ctx, cmd.Args().First())
		if err != nil {
			return err
		}
		text := "the key was revoked before\n"
		if ended {
			text = "the key is revoked; streams that it opened are closed within seconds\n"
		}
		return p.show(cmd, map[string]bool{"ended": ended}, text)
	})
}
