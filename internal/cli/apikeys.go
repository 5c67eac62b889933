package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

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

// apiKeyView is the JSON form of a key. It contains Key only when the key was
// just created.
type apiKeyView struct {
	Prefix     string       `json:"prefix"`
	Name       string       `json:"name"`
	Scopes     []auth.Scope `json:"scopes"`
	CreatedAt  time.Time    `json:"createdAt"`
	LastUsedAt *time.Time   `json:"lastUsedAt"`
	RevokedAt  *time.Time   `json:"revokedAt"`
	Key        string       `json:"key,omitempty"`
}

func viewAPIKey(k auth.APIKey) apiKeyView {
	return apiKeyView{
		Prefix: k.Prefix, Name: k.Name, Scopes: k.Scopes,
		CreatedAt: k.CreatedAt, LastUsedAt: k.LastUsedAt, RevokedAt: k.RevokedAt,
	}
}

func apiKeyListing() listing[auth.APIKey, apiKeyView] {
	return listing[auth.APIKey, apiKeyView]{
		columns: []string{"PREFIX", "NAME", "SCOPES", "CREATED", "LAST USED", "REVOKED"},
		view:    viewAPIKey,
		cells: func(k apiKeyView) []string {
			scopes := strings.Trim(fmt.Sprint(k.Scopes), "[]")
			return []string{k.Prefix, k.Name, scopes, moment(&k.CreatedAt), moment(k.LastUsedAt), moment(k.RevokedAt)}
		},
	}
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
		view := viewAPIKey(created)
		view.Key = key
		return p.show(cmd, view, fmt.Sprintf(
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
