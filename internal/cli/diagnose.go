package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/urfave/cli/v3"

	"rekey/internal/doctor"
)

func (p Program) health() *cli.Command {
	return &cli.Command{
		Name: "health", Usage: "ask the service on this machine whether it is ready: exit code 0 or 1",
		Description: "It sends the request to HOST and PORT. Containers without another HTTP client need it.\n\nExample:\n  rekey health --live",
		Flags:       []cli.Flag{&cli.BoolFlag{Name: "live", Usage: "ask whether it runs, even if it is not ready"}},
		Action: func(ctx context.Context, cmd *cli.Command) error {
			if cmd.Bool("live") {
				return p.Probe(ctx, "/livez")
			}
			return p.Probe(ctx, "/readyz")
		},
	}
}

func (p Program) doctor() *cli.Command {
	return &cli.Command{
		Name: "doctor", Usage: "check everything that the service depends on, and advise what to fix",
		Description: "It checks settings, files, disk, database, clock, keys and Redis. It changes nothing, and works while the\n" +
			"service runs or the database is down. Exit code 0: all is well; 7: it works, but something should be fixed;\n" +
			"1: it does not work.\n\n" +
			"Examples:\n  rekey doctor\n  rekey doctor --json | jq '.findings[] | select(.status != \"ok\")'",
		Action: func(ctx context.Context, cmd *cli.Command) error {
			report, err := p.Diagnose(ctx)
			if err != nil {
				return err
			}
			d := diagnosis{report.Worst(), report}
			if err := p.show(cmd, d, d.text()); err != nil {
				return err
			}
			switch d.Status {
			case doctor.Failed:
				return Fail(ExitFailure, errPrinted)
			case doctor.Warning:
				return Fail(ExitWarnings, errPrinted)
			}
			return nil
		},
	}
}

// diagnosis is the JSON answer of doctor.
type diagnosis struct {
	Status   doctor.Status `json:"status"` // the worst of all
	Findings doctor.Report `json:"findings"`
}

func (d diagnosis) text() string {
	var lines strings.Builder
	for _, f := range d.Findings {
		fmt.Fprintf(&lines, "%-8s %s: %s\n", f.Status, f.Check, strings.Join(strings.Fields(f.Found), " "))
		if f.Advice != nil {
			fmt.Fprintf(&lines, "%-8s   -> %s\n", "", *f.Advice)
		}
	}
	if d.Status == doctor.OK {
		return lines.String() + "\nAll is well.\n"
	}
	return fmt.Sprintf("%s\n%d failed, %d warnings\n", lines.String(), d.Findings.Count(doctor.Failed), d.Findings.Count(doctor.Warning))
}
