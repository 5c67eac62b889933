package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/urfave/cli/v3"

	"rekey/internal/auth"
	"rekey/internal/keyring"
)

func (p Program) keys() *cli.Command {
	purpose := func(usage string) cli.Flag { return &cli.StringFlag{Name: "purpose", Usage: usage} }
	keys := group("keys", "administer the keys that sign tokens and derive secrets", "rekey keys list",
		listCommand(p, &cli.Command{
			Usage:       "list the keys",
			Description: "It needs no master key.\n\nExample:\n  rekey keys list --json",
		}, keyListing(), func(*cli.Command) (fetch[keyring.Key], error) {
			return func(ctx context.Context, o Opened, _ int) ([]keyring.Key, error) { return o.Ring.List(ctx) }, nil
		}),
		&cli.Command{
			Name: "rotate", Usage: "publish a new key, which signs later", Action: p.rotateKeys,
			Description: "Nobody is logged out: the old key verifies until the last of its tokens expires.\n\n" +
				"Example:\n  rekey keys rotate --purpose access",
			Flags: []cli.Flag{
				purpose("access, refresh or rotation; default: all"),
				&cli.BoolFlag{Name: "now", Usage: "let it sign within a minute, without KEY_LEAD and JWKS_MAX_AGE; reports what that costs"},
			},
		},
		&cli.Command{
			Name: "retire", Usage: "retire a key at once: tokens that it signed stop working", ArgsUsage: "KID", Action: p.retireKey,
			Description: "Example:\n  rekey keys retire --replace KID",
			Flags:       []cli.Flag{&cli.BoolFlag{Name: "replace", Usage: "retire it even if it is the current key; a new key replaces it"}},
		},
		&cli.Command{
			Name: "import", Usage: "import a key that was created elsewhere", ArgsUsage: "FILE", Action: p.importKeys,
			Description: "Example:\n  rekey keys import --purpose access access_private.pem",
			Flags: []cli.Flag{
				purpose("access, refresh or rotation"),
				&cli.BoolFlag{Name: "verify-only", Usage: "only verify with it"},
				&cli.DurationFlag{Name: "for", Usage: "how long to verify with it; default: as long as its tokens can be valid"},
			},
		},
		&cli.Command{
			Name: "reencrypt", Usage: "encrypt all keys with MASTER_KEY", Action: p.reencryptKeys,
			Description: "The previous master key must be in MASTER_KEY_PREVIOUS.\n\nExample:\n  rekey keys reencrypt",
		},
		&cli.Command{
			Name: "reset", Usage: "delete all keys: everybody has to log in again", Action: p.resetKeys,
			Description: "Use it if the master key is lost.\n\nExample:\n  rekey keys reset --yes",
			Flags:       []cli.Flag{&cli.BoolFlag{Name: "yes", Usage: "confirm"}},
		},
	)
	keys.Description = "Run these commands with the settings of the service. docs/keys.md explains the keys.\n\n" + keys.Description
	return keys
}

func keyListing() listing[keyring.Key] {
	return listing[keyring.Key]{fields: []field[keyring.Key]{
		{"PURPOSE", "purpose", func(k keyring.Key) any { return k.Purpose }},
		{"STATE", "state", func(k keyring.Key) any { return k.State }},
		{"KID", "kid", func(k keyring.Key) any { return k.KID }},
		{"SOURCE", "source", func(k keyring.Key) any {
			if k.File {
				return "file"
			}
			return "database"
		}},
		{"MASTER", "master", func(k keyring.Key) any { return orNull(k.Master) }},
		{"CREATED", "createdAt", func(k keyring.Key) any { return orNull(k.CreatedAt) }},
		{"SIGNS FROM", "signsFrom", func(k keyring.Key) any { return k.SignsFrom }},
		{"ENDS", "endsAt", func(k keyring.Key) any { return k.EndsAt }},
	}}
}

// showKeys prints keys of the ring: those with these ids.
func (p Program) showKeys(ctx context.Context, cmd *cli.Command, ring *keyring.Ring, ids ...string) error {
	keys, err := ring.List(ctx)
	if err != nil {
		return err
	}
	keys = slices.DeleteFunc(keys, func(k keyring.Key) bool { return !slices.Contains(ids, k.KID) })
	return keyListing().show(p, cmd, keys, 0)
}

func validPurposes(purposes ...auth.KeyPurpose) bool {
	return !slices.ContainsFunc(purposes, func(p auth.KeyPurpose) bool { return !slices.Contains(auth.KeyPurposes(), p) })
}

func (p Program) rotateKeys(ctx context.Context, cmd *cli.Command) error {
	purposes := auth.KeyPurposes()
	if cmd.IsSet("purpose") {
		purposes = []auth.KeyPurpose{auth.KeyPurpose(cmd.String("purpose"))}
	}
	if !validPurposes(purposes...) {
		return usage("keys rotate takes --purpose access, refresh or rotation")
	}
	return p.with(ctx, func(o Opened) error {
		rotate := o.Ring.Rotate
		if cmd.Bool("now") {
			rotate = o.Ring.RotateNow
		}
		keys, err := rotate(ctx, purposes...)
		if cmd.Bool("now") {
			p.reportCost(o.Ring, keys...)
		}
		if len(keys) > 0 {
			err = errors.Join(keyListing().show(p, cmd, keys, 0), err)
		}
		return err
	})
}

// reportCost reports what it costs that these keys sign before the caches of
// other services know them. Only access keys are published.
func (p Program) reportCost(ring *keyring.Ring, keys ...keyring.Key) {
	for _, k := range keys {
		if k.Purpose == auth.KeyAccess && k.State == keyring.Next {
			fmt.Fprintf(p.Err, "the access key %s signs from %s: %s\n", k.KID, cell(k.SignsFrom), ring.CacheCost())
		}
	}
}

func (p Program) retireKey(ctx context.Context, cmd *cli.Command) error {
	return p.with(ctx, func(o Opened) error {
		kid := cmd.Args().First()
		err := o.Ring.Retire(ctx, kid, cmd.Bool("replace"))
		if errors.Is(err, auth.ErrNotFound) {
			return Fail(ExitNotFound, fmt.Errorf("the ring has no key %s; see rekey keys list", kid))
		}
		if err != nil {
			return err
		}
		if cmd.Bool("replace") {
			if err := p.reportReplacement(ctx, o.Ring, kid); err != nil {
				return err
			}
		}
		return p.showKeys(ctx, cmd, o.Ring, kid)
	})
}

// reportReplacement reports what it costs that a key was replaced at once.
func (p Program) reportReplacement(ctx context.Context, ring *keyring.Ring, kid string) error {
	keys, err := ring.List(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(keys, func(k keyring.Key) bool { return k.KID == kid })
	next := slices.IndexFunc(keys, func(k keyring.Key) bool {
		return k.State == keyring.Next && i >= 0 && k.Purpose == keys[i].Purpose
	}) // the first one in the order of their times
	if next >= 0 {
		p.reportCost(ring, keys[next])
	}
	return nil
}

func (p Program) importKeys(ctx context.Context, cmd *cli.Command) error {
	in := keyring.Import{
		Purpose: auth.KeyPurpose(cmd.String("purpose")), File: cmd.Args().First(),
		VerifyOnly: cmd.Bool("verify-only"), For: cmd.Duration("for"),
	}
	if !validPurposes(in.Purpose) || in.For < 0 || in.For > 0 && !in.VerifyOnly {
		return usage("keys import takes --purpose access, refresh or rotation, and optionally --verify-only, with or without --for")
	}
	return p.with(ctx, func(o Opened) error {
		ids, err := o.Ring.Import(ctx, in)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
			return Fail(ExitUsage, err)
		}
		if err != nil {
			return err
		}
		return p.showKeys(ctx, cmd, o.Ring, ids...)
	})
}

func (p Program) reencryptKeys(ctx context.Context, cmd *cli.Command) error {
	return p.with(ctx, func(o Opened) error {
		n, err := o.Ring.Reencrypt(ctx)
		if err != nil {
			return fmt.Errorf("%d keys encrypted with MASTER_KEY, then: %w", n, err)
		}
		mails, err := o.Core.ReencryptMails(ctx)
		if err != nil {
			return fmt.Errorf("%d keys and %d mails encrypted with MASTER_KEY, then: %w", n, mails, err)
		}
		return p.show(cmd, map[string]int{"reencrypted": n, "mails": mails},
			fmt.Sprintf("%d keys and %d mails in the outbox encrypted with MASTER_KEY\n", n, mails))
	})
}

func (p Program) resetKeys(ctx context.Context, cmd *cli.Command) error {
	if !cmd.Bool("yes") {
		return usage("keys reset deletes all keys, so that everybody has to log in again: confirm with --yes")
	}
	return p.with(ctx, func(o Opened) error {
		n, err := o.Ring.Reset(ctx)
		if err != nil {
			return fmt.Errorf("%d keys deleted, then: %w", n, err)
		}
		return p.show(cmd, map[string]int{"deleted": n}, fmt.Sprintf("%d keys deleted; the service creates new ones\n", n))
	})
}
