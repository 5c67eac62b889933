package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/urfave/cli/v3"

	"rekey/internal/auth"
	"rekey/internal/spelling"
)

// group is a command that only has others below it, all for administrators.
func group(name, about, description string, commands ...*cli.Command) *cli.Command {
	return &cli.Command{
		Name: name, Usage: about, Description: description, Commands: commands,
		OnUsageError: onUsageError, Action: noCommand,
		Before: func(ctx context.Context, _ *cli.Command) (context.Context, error) {
			return auth.WithClient(ctx, operator()), nil // what takes its client from there
		},
	}
}

// noCommand is what a group does by itself: it tells what there is.
func noCommand(_ context.Context, cmd *cli.Command) error {
	var names []string
	for _, c := range cmd.VisibleCommands() {
		if c.Name != "help" {
			names = append(names, c.Name)
		}
	}
	if !cmd.Args().Present() {
		return usage("%s: say %s; see %s --help", cmd.Name, strings.Join(names, ", "), cmd.FullName())
	}
	said := cmd.Args().First()
	return usage("%q is no command%s; see %s --help", said, meant(spelling.Nearest(said, names)), cmd.FullName())
}

// onUsageError is told of flags that cannot be understood.
func onUsageError(_ context.Context, cmd *cli.Command, err error, _ bool) error {
	const undefined = "flag provided but not defined: "
	text := err.Error()
	flag, unknown := strings.CutPrefix(text, undefined)
	if !unknown {
		text, _, _ = strings.Cut(text, ": strconv.") // which function did not like it
		return usage("%s; see %s --help", strings.Replace(text, " flag -", " flag --", 1), cmd.FullName())
	}
	flag = strings.TrimLeft(flag, "-")
	var names []string
	for c := range lineage(cmd) {
		for _, f := range c.Flags {
			names = append(names, f.Names()...)
		}
	}
	hint := spelling.Nearest(flag, names)
	if hint != "" {
		hint = "--" + hint
	}
	return usage("there is no flag --%s%s; see %s --help", flag, meant(hint), cmd.FullName())
}

// lineage is a command and those above it, whose flags it has as well.
func lineage(cmd *cli.Command) func(yield func(*cli.Command) bool) {
	return func(yield func(*cli.Command) bool) {
		for _, c := range cmd.Lineage() {
			if !yield(c) {
				return
			}
		}
	}
}

func meant(hint string) string {
	if hint == "" {
		return ""
	}
	return fmt.Sprintf(": did you mean %s?", hint)
}

// noArguments is for commands that take only flags.
func noArguments(cmd *cli.Command) error {
	if cmd.Args().Present() {
		name := strings.TrimPrefix(cmd.FullName(), "rekey ")
		return usage("%s takes no arguments, and %q is one; see rekey %s --help", name, cmd.Args().First(), name)
	}
	return nil
}
