package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"rekey/internal/auth"
)

func (p Program) apikeys() *cli.Command {
	return group("apikeys", "administer the keys of programs", "Example:\n  rekey apikeys list",
		&cli.Command{
			Name: "create", Usage: "make a key, which is shown this once", OnUsageError: onUsageError, Action: p.createAPIKey,
			Description: "Example:\n  rekey apikeys create --name orders --scope tokens:introspect",
			Flags: []cli.Flag{
				&cli.StringFlag{Name: "name", Usage: "whose key it is", Required: true},
				&cli.StringSliceFlag{Name: "scope", Usage: "what it may do: " + auth.ScopeList(), Required: true},
			},
		},
		&cli.Command{
			Name: "list", Usage: "list the keys", OnUsageError: onUsageError, Action: p.listAPIKeys,
			Description: "Example:\n  rekey apikeys list --json",
		},
		&cli.Command{
			Name: "revoke", Usage: "end a key", ArgsUsage: "PREFIX", OnUsageError: onUsageError, Action: p.revokeAPIKey,
			Description: "The prefix is what list shows.\n\nExample:\n  rekey apikeys revoke 4f1c09aa",
		},
	)
}

// apiKeyView is a key as scripts see it. Key is there when it was just made.
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

func (p Program) createAPIKey(ctx context.Context, cmd *cli.Command) error {
	if err := noArguments(cmd); err != nil {
		return err
	}
	scopes := make([]auth.Scope, 0, 1)
	for _, s := range cmd.StringSlice("scope") {
		scopes = append(scopes, auth.Scope(s))
	}
	return p.withKeys(ctx, func(keys *auth.APIKeys) error {
		key, kept, err := keys.Create(ctx, cmd.String("name"), scopes)
		if err != nil {
			return err
		}
		view := viewAPIKey(kept)
		view.Key = key
		return p.show(cmd, view, func(w io.Writer) {
			fmt.Fprintf(w, "%s\n\nThis is the key of %s; it is not shown again. Revoke it with: rekey apikeys revoke %s\n", key, kept.Name, kept.Prefix)
		})
	})
}

func (p Program) listAPIKeys(ctx context.Context, cmd *cli.Command) error {
	if err := noArguments(cmd); err != nil {
		return err
	}
	return p.withKeys(ctx, func(keys *auth.APIKeys) error {
		list, err := keys.List(ctx)
		if err != nil {
			return err
		}
		views, lines := make([]apiKeyView, len(list)), []string{row("PREFIX", "NAME", "SCOPES", "CREATED", "LAST USED", "REVOKED")}
		for i, k := range list {
			views[i] = viewAPIKey(k)
			lines = append(lines, row(k.Prefix, k.Name, words(k.Scopes), moment(&k.CreatedAt), moment(k.LastUsedAt), moment(k.RevokedAt)))
		}
		return p.show(cmd, views, func(w io.Writer) { table(w, lines...) })
	})
}

func words(scopes []auth.Scope) string {
	list := make([]string, len(scopes))
	for i, s := range scopes {
		list[i] = string(s)
	}
	return strings.Join(list, " ")
}

func (p Program) revokeAPIKey(ctx context.Context, cmd *cli.Command) error {
	if cmd.Args().Len() != 1 {
		return usage("apikeys revoke takes one argument, the key's prefix; see rekey apikeys revoke --help")
	}
	return p.withKeys(ctx, func(keys *auth.APIKeys) error {
		ended, err := keys.Revoke(ctx, cmd.Args().First())
		if err != nil {
			return err
		}
		return p.show(cmd, map[string]bool{"ended": ended}, func(w io.Writer) {
			if !ended {
				fmt.Fprintln(w, "the key had been revoked before")
				return
			}
			fmt.Fprintln(w, "the key is revoked; streams that it opened end within seconds")
		})
	})
}

// withKeys opens the core for a command about keys.
func (p Program) withKeys(ctx context.Context, do func(*auth.APIKeys) error) (err error) {
	keys, closeCore, err := p.OpenAPIKeys(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeCore()) }()
	return do(keys)
}
