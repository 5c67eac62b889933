package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"time"

	"github.com/urfave/cli/v3"

	"rekey/internal/auth"
	"rekey/internal/keyring"
)

func (p Program) keys() *cli.Command {
	purpose := func(usage string) cli.Flag { return &cli.StringFlag{Name: "purpose", Usage: usage} }
	return group("keys", "administer the keys that tokens are signed with",
		"See docs/keys.md. Give these commands the settings that the service has.\n\nExample:\n  rekey keys list",
		&cli.Command{
			Name: "list", Usage: "list the keys", OnUsageError: onUsageError, Action: p.listKeys,
			Description: "It needs no master key.\n\nExample:\n  rekey keys list --json",
		},
		&cli.Command{
			Name: "rotate", Usage: "publish a new key, which signs later", OnUsageError: onUsageError, Action: p.rotateKeys,
			Description: "Nobody is signed out: the old key verifies until the last of its tokens has ended.\n\n" +
				"Example:\n  rekey keys rotate --purpose access",
			Flags: []cli.Flag{purpose("access, refresh or rotation; all unless given")},
		},
		&cli.Command{
			Name: "retire", Usage: "end a key at once: what it signed is good no more", ArgsUsage: "KID",
			OnUsageError: onUsageError, Action: p.retireKey,
			Description: "Example:\n  rekey keys retire --replace KID",
			Flags:       []cli.Flag{&cli.BoolFlag{Name: "replace", Usage: "end even the current key; a new one takes its place"}},
		},
		&cli.Command{
			Name: "import", Usage: "take over a key that was made elsewhere", ArgsUsage: "FILE",
			OnUsageError: onUsageError, Action: p.importKeys,
			Description: "Example:\n  rekey keys import --purpose access access_private.pem",
			Flags: []cli.Flag{
				purpose("access, refresh or rotation"),
				&cli.BoolFlag{Name: "verify-only", Usage: "only verify with it"},
				&cli.DurationFlag{Name: "for", Usage: "how long to verify with it; as long as what it signed may be good unless given"},
			},
		},
		&cli.Command{
			Name: "reencrypt", Usage: "encrypt all keys with MASTER_KEY", OnUsageError: onUsageError, Action: p.reencryptKeys,
			Description: "The master key of before goes into MASTER_KEY_PREVIOUS.\n\nExample:\n  rekey keys reencrypt",
		},
		&cli.Command{
			Name: "reset", Usage: "delete all keys: everybody has to sign in again", OnUsageError: onUsageError, Action: p.resetKeys,
			Description: "For a master key that is lost for good.\n\nExample:\n  rekey keys reset --yes",
			Flags:       []cli.Flag{&cli.BoolFlag{Name: "yes", Usage: "do it"}},
		},
	)
}

func (p Program) listKeys(ctx context.Context, cmd *cli.Command) error {
	if err := noArguments(cmd); err != nil {
		return err
	}
	return p.withRing(ctx, func(ring *keyring.Ring) error {
		keys, err := ring.List(ctx)
		if err != nil {
			return err
		}
		return p.showKeys(cmd, keys)
	})
}

func (p Program) rotateKeys(ctx context.Context, cmd *cli.Command) error {
	purposes := auth.KeyPurposes()
	if cmd.IsSet("purpose") {
		purposes = []auth.KeyPurpose{auth.KeyPurpose(cmd.String("purpose"))}
	}
	if cmd.Args().Present() || !known(purposes...) {
		return usage("keys rotate takes --purpose access, refresh or rotation, and nothing else")
	}
	return p.withRing(ctx, func(ring *keyring.Ring) error {
		keys, err := ring.Rotate(ctx, purposes...)
		if len(keys) > 0 {
			err = errors.Join(p.showKeys(cmd, keys), err)
		}
		return err
	})
}

func known(purposes ...auth.KeyPurpose) bool {
	return !slices.ContainsFunc(purposes, func(p auth.KeyPurpose) bool { return !slices.Contains(auth.KeyPurposes(), p) })
}

func (p Program) retireKey(ctx context.Context, cmd *cli.Command) error {
	if cmd.Args().Len() != 1 {
		return usage("keys retire takes one argument, the key's id")
	}
	return p.withRing(ctx, func(ring *keyring.Ring) error {
		kid := cmd.Args().First()
		err := ring.Retire(ctx, kid, cmd.Bool("replace"))
		if errors.Is(err, auth.ErrNotFound) {
			return Fail(ExitNotFound, fmt.Errorf("the ring has no key %s", kid))
		}
		if err != nil {
			return err
		}
		return p.showSome(ctx, cmd, ring, kid)
	})
}

func (p Program) importKeys(ctx context.Context, cmd *cli.Command) error {
	in := keyring.Import{
		Purpose: auth.KeyPurpose(cmd.String("purpose")), File: cmd.Args().First(),
		VerifyOnly: cmd.Bool("verify-only"), For: cmd.Duration("for"),
	}
	if cmd.Args().Len() != 1 || !known(in.Purpose) || in.For < 0 || in.For > 0 && !in.VerifyOnly {
		return usage("keys import takes a file, --purpose access, refresh or rotation, and --verify-only with or without --for")
	}
	return p.withRing(ctx, func(ring *keyring.Ring) error {
		ids, err := ring.Import(ctx, in)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
			return Fail(ExitUsage, err)
		}
		if err != nil {
			return err
		}
		return p.showSome(ctx, cmd, ring, ids...)
	})
}

func (p Program) reencryptKeys(ctx context.Context, cmd *cli.Command) error {
	if err := noArguments(cmd); err != nil {
		return err
	}
	return p.withRing(ctx, func(ring *keyring.Ring) error {
		n, err := ring.Reencrypt(ctx)
		if err != nil {
			return fmt.Errorf("%d keys encrypted anew, then: %w", n, err)
		}
		return p.show(cmd, map[string]int{"reencrypted": n}, func(w io.Writer) { fmt.Fprintf(w, "%d keys encrypted anew\n", n) })
	})
}

func (p Program) resetKeys(ctx context.Context, cmd *cli.Command) error {
	if cmd.Args().Present() || !cmd.Bool("yes") {
		return usage("keys reset deletes all keys, so that everybody has to sign in again: say --yes")
	}
	return p.withRing(ctx, func(ring *keyring.Ring) error {
		n, err := ring.Reset(ctx)
		if err != nil {
			return fmt.Errorf("%d keys deleted, then: %w", n, err)
		}
		return p.show(cmd, map[string]int{"deleted": n}, func(w io.Writer) {
			fmt.Fprintf(w, "%d keys deleted; the service makes new ones\n", n)
		})
	})
}

// withRing opens the key ring for a command.
func (p Program) withRing(ctx context.Context, do func(*keyring.Ring) error) (err error) {
	ring, closeStore, err := p.OpenRing(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeStore()) }()
	return do(ring)
}

func (p Program) showSome(ctx context.Context, cmd *cli.Command, ring *keyring.Ring, ids ...string) error {
	keys, err := ring.List(ctx)
	if err != nil {
		return err
	}
	return p.showKeys(cmd, slices.DeleteFunc(keys, func(k keyring.Key) bool { return !slices.Contains(ids, k.KID) }))
}

// keyView is a key as scripts see it.
type keyView struct {
	Purpose   auth.KeyPurpose `json:"purpose"`
	State     keyring.State   `json:"state"`
	KID       string          `json:"kid"`
	Source    string          `json:"source"` // database or file
	Master    *string         `json:"master"` // the id of the master key that seals it
	CreatedAt *time.Time      `json:"createdAt"`
	SignsFrom *time.Time      `json:"signsFrom"`
	EndsAt    *time.Time      `json:"endsAt"`
}

func viewOf(k keyring.Key) keyView {
	v := keyView{Purpose: k.Purpose, State: k.State, KID: k.KID, Source: "database", SignsFrom: k.SignsFrom, EndsAt: k.EndsAt}
	if k.File {
		v.Source = "file"
		return v
	}
	v.Master, v.CreatedAt = &k.Master, &k.CreatedAt
	return v
}

func (p Program) showKeys(cmd *cli.Command, keys []keyring.Key) error {
	views, lines := make([]keyView, len(keys)), []string{row("PURPOSE", "STATE", "KID", "SOURCE", "MASTER", "CREATED", "SIGNS FROM", "ENDS")}
	for i, k := range keys {
		v := viewOf(k)
		views[i] = v
		lines = append(lines, row(string(v.Purpose), string(v.State), v.KID, v.Source, cmp.Or(k.Master, "-"), moment(v.CreatedAt), moment(v.SignsFrom), moment(v.EndsAt)))
	}
	return p.show(cmd, views, func(w io.Writer) { table(w, lines...) })
}
