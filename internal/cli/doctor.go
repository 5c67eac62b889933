package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v3"

	"rekey/internal/doctor"
)

func (p Program) doctor() *cli.Command {
	return &cli.Command{
		Name: "doctor", Usage: "look at everything that the service stands on, and say what to mend",
		Description: "Settings, files, disk, database, clock, keys and Redis. It changes nothing, and may run beside the service\n" +
			"or when the database is down. Exit code 0: all well; 7: it works, but something should be mended; 1: it does not.\n\n" +
			"Examples:\n  rekey doctor\n  rekey doctor --json | jq '.findings[] | select(.status != \"ok\")'",
		OnUsageError: onUsageError, Action: p.examine,
	}
}

// examined is the answer of doctor.
type examined struct {
	Status   doctor.Status `json:"status"` // the worst of all
	Findings doctor.Report `json:"findings"`
}

func (p Program) examine(ctx context.Context, cmd *cli.Command) error {
	if err := noArguments(cmd); err != nil {
		return err
	}
	report, err := p.Examine(ctx)
	if err != nil {
		return err
	}
	answer := examined{report.Worst(), report}
	if err := p.show(cmd, answer, answer.write); err != nil {
		return err
	}
	switch answer.Status {
	case doctor.Failed:
		return Fail(ExitFailure, errTold)
	case doctor.Warning:
		return Fail(ExitWarnings, errTold)
	}
	return nil
}

func (e examined) write(w io.Writer) {
	for _, f := range e.Findings {
		found := strings.Join(strings.Fields(f.Found), " ")
		fmt.Fprintf(w, "%-8s %s: %s\n", f.Status, f.Check, found)
		if f.Advice != nil {
			fmt.Fprintf(w, "%-8s   -> %s\n", "", *f.Advice)
		}
	}
	switch failures, warnings := e.Findings.Count(doctor.Failed), e.Findings.Count(doctor.Warning); e.Status {
	case doctor.OK:
		fmt.Fprintln(w, "\nAll is well.")
	default:
		fmt.Fprintf(w, "\n%d failed, %d warnings\n", failures, warnings)
	}
}
