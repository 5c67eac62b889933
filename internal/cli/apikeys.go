package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v3"

	"rekey/internal/auth"
)

func (p Program) apikeys() *cli.Command {
	return &cli.Command{
		Name:         "apikeys",
		Usage:        "administer the keys of programs",
		OnUsageError: onUsageError,
		Action: func(context.Context, *cli.Command) error {
			return usageError{fmt.Errorf("apikeys: say create, list or revoke; see rekey apikeys --help")}
		},
		Commands: []*cli.Command{
			{
				Name: "create", Usage: "make a key, which is shown this once", OnUsageError: onUsageError, Action: p.createAPIKey,
				Flags: []cli.Flag{
					&cli.StringFlag{Name: "name", Usage: "whose key it is"},
					&cli.StringSliceFlag{Name: "scope", Usage: "what it may do: " + auth.ScopeList()},
				},
			},
			{Name: "list", Usage: "list the keys", OnUsageError: onUsageError, Action: p.listAPIKeys},
			{Name: "revoke", Usage: "end a key", ArgsUsage: "PREFIX", OnUsageError: onUsageError, Action: p.revokeAPIKey},
		},
	}
}

func (p Program) createAPIKey(ctx context.Context, cmd *cli.Command) error {
	if cmd.Args().Present() || cmd.String("name") == "" || len(cmd.StringSlice("scope")) == 0 {
		return usageError{fmt.Errorf("apikeys create takes --name and --scope, and nothing else")}
	}
	scopes := make([]auth.Scope, 0, 1)
	for _, s := range cmd.StringSlice("scope") {
		scopes = append(scopes, auth.Scope(s))
	}
	return p.withKeys(ctx, func(keys *auth.Keys) error {
		key, kept, err := keys.Create(ctx, cmd.String("name"), scopes)
		if err != nil {
			return err
		}
		fmt.Fprintf(p.Out, "%s\n\nThis is the key of %s; it is not shown again. Revoke it with: rekey apikeys revoke %s\n", key, kept.Name, kept.Prefix)
		return nil
	})
}

func (p Program) listAPIKeys(ctx context.Context, cmd *cli.Command) error {
	if cmd.Args().Present() {
		return usageError{fmt.Errorf("apikeys list takes no arguments")}
	}
	return p.withKeys(ctx, func(keys *auth.Keys) error {
		list, err := keys.List(ctx)
		if err != nil {
			return err
		}
		table := tabwriter.NewWriter(p.Out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "PREFIX\tNAME\tSCOPES\tCREATED\tLAST USED\tREVOKED")
		for _, k := range list {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n",
				k.Prefix, k.Name, words(k.Scopes), moment(&k.CreatedAt), moment(k.LastUsedAt), moment(k.RevokedAt))
		}
		return table.Flush()
	})
}

func words(scopes []auth.Scope) string {
	list := make([]string, len(scopes))
	for i, s := range scopes {
		list[i] = string(s)
	}
	return strings.Join(list, " ")
}

func moment(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}

func (p Program) revokeAPIKey(ctx context.Context, cmd *cli.Command) error {
	if cmd.Args().Len() != 1 {
		return usageError{fmt.Errorf("apikeys revoke takes one argument, the key's prefix")}
	}
	return p.withKeys(ctx, func(keys *auth.Keys) error {
		ended, err := keys.Revoke(ctx, cmd.Args().First())
		if err != nil {
			return err
		}
		if !ended {
			fmt.Fprintln(p.Out, "the key had been revoked before")
			return nil
		}
		fmt.Fprintln(p.Out, "the key is revoked; streams that it opened end within seconds")
		return nil
	})
}

// withKeys opens the core for a command about keys.
func (p Program) withKeys(ctx context.Context, do func(*auth.Keys) error) (err error) {
	keys, closeCore, err := p.OpenKeys(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeCore()) }()
	return do(keys)
}
