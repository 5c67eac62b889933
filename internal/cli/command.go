package cli

import (
	"context"
	"fmt"
	"os"
	"os/user"
	"strings"

	"github.com/urfave/cli/v3"

	"rekey/internal/auth"
)

// anyNumber is the ArgsUsage of a command that takes any number of arguments.
// Other commands take one for each word of their ArgsUsage.
const anyNumber = "[ID...]"

// complete adds to a command and its subcommands what all commands have in
// common: the wording of errors, and the check for unexpected arguments.
func complete(c *cli.Command) {
	c.OnUsageError = onUsageError
	action := c.Action
	switch {
	case action == nil:
		c.Action = noCommand
	case len(c.Commands) == 0:
		c.Action = func(ctx context.Context, cmd *cli.Command) error {
			name := strings.TrimPrefix(cmd.FullName(), "rekey ")
			switch {
			case cmd.ArgsUsage == emailAndNew:
				if cmd.Args().Len() != 2 {
					return usage("%s takes two arguments, %s; see rekey %s --help", name, cmd.ArgsUsage, name)
				}
			case cmd.ArgsUsage == "" && cmd.Args().Present():
				return usage("%s takes no arguments, and %q is one; see rekey %s --help", name, cmd.Args().First(), name)
			case cmd.ArgsUsage != "" && cmd.ArgsUsage != anyNumber && cmd.Args().Len() != 1:
				return usage("%s takes one argument, %s; see rekey %s --help", name, cmd.ArgsUsage, name)
			}
			return action(ctx, cmd)
		}
	}
	for _, sub := range c.Commands {
		complete(sub)
	}
}

// group returns a command that only has subcommands, all for administrators.
func group(name, about, example string, commands ...*cli.Command) *cli.Command {
	return &cli.Command{
		Name: name, Usage: about, Description: "Example:\n  " + example, Commands: commands,
		Before: func(ctx context.Context, _ *cli.Command) (context.Context, error) {
			return auth.WithClient(ctx, operator()), nil
		},
	}
}

// operator returns the person who runs the command, for the journal. With sudo
// it includes the user's own name, as far as root can be trusted with it.
func operator() auth.Client {
	name := fmt.Sprintf("uid %d", os.Getuid()) // a container image has no list of users
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if behind := os.Getenv("SUDO_USER"); behind != "" && os.Getuid() == 0 {
		name += " (sudo by " + behind + ")"
	}
	return auth.Operator(name)
}

// noCommand returns the error of a group that is used without a subcommand.
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
	return usage("there is no command %q%s; see %s --help", said, didYouMean(Nearest(said, names)), cmd.FullName())
}

// onUsageError rewords an error about flags.
func onUsageError(_ context.Context, cmd *cli.Command, err error, _ bool) error {
	const undefined = "flag provided but not defined: "
	text := err.Error()
	flag, unknown := strings.CutPrefix(text, undefined)
	if !unknown {
		text, _, _ = strings.Cut(text, ": strconv.") // omits the name of the parsing function
		return usage("%s; see %s --help", strings.Replace(text, " flag -", " flag --", 1), cmd.FullName())
	}
	flag = strings.TrimLeft(flag, "-")
	var names []string
	for _, c := range cmd.Lineage() { // flags of the groups above apply, too
		for _, f := range c.Flags {
			names = append(names, f.Names()...)
		}
	}
	hint := Nearest(flag, names)
	if hint != "" {
		hint = "--" + hint
	}
	return usage("there is no flag --%s%s; see %s --help", flag, didYouMean(hint), cmd.FullName())
}

func didYouMean(hint string) string {
	if hint == "" {
		return ""
	}
	return fmt.Sprintf(": did you mean %s?", hint)
}
