package cli

import (
	"context"

	"github.com/urfave/cli/v3"
)

func (p Program) health() *cli.Command {
	return &cli.Command{
		Name: "health", Usage: "ask the service that runs here whether it is ready: exit code 0 or 1",
		Description:  "It is asked at HOST and PORT. For containers, which have no other program to ask with.\n\nExample:\n  rekey health --live",
		OnUsageError: onUsageError,
		Flags:        []cli.Flag{&cli.BoolFlag{Name: "live", Usage: "whether it lives, be it ready or not"}},
		Action: func(ctx context.Context, cmd *cli.Command) error {
			if err := noArguments(cmd); err != nil {
				return err
			}
			if cmd.Bool("live") {
				return p.Probe(ctx, "/livez")
			}
			return p.Probe(ctx, "/readyz")
		},
	}
}
