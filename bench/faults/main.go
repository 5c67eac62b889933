// Command faults breaks everything that rekey depends on while clients use it,
// and checks from their histories that nothing happened that must never happen.
//
//	go run ./bench/faults [-short] [-slow] [-only name,...] [-out docs/reliability.md] [-v]
//
// -slow is for a machine with a fraction of a core: it uses a tenth of the load,
// accepts a tenth of the load as enough, and runs one thing after the other. The
// faults that must strike and the bad builds that must be caught stay the same.
//
// Exit codes: 1 if something happened that must never happen; 2 if it could not
// run to its end; 4 if the cause may be a machine that stalls (a bad build was
// not caught, or a request or a recovery took too long); 5 if a fault had no
// effect; 3 if only the load was too small: every fault had an effect, and every
// bad build was caught.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, time.Now)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "faults:", err)
		os.Exit(exitCode(err))
	}
}

const (
	exitFindings = 1
	exitBroken   = 2
	exitTooSlow  = 3
	exitDoubtful = 4
	exitMissed   = 5
)

// exitCode returns the code of the most severe of the joined errors. Too little
// load hides no other failure: what did not strike or was not caught has not
// been shown.
func exitCode(err error) int {
	all := codes(err)
	for _, worse := range []int{exitFindings, exitBroken, exitDoubtful, exitMissed} {
		if slices.Contains(all, worse) {
			return worse
		}
	}
	return exitTooSlow
}

// codes returns the codes of the joined errors.
func codes(err error) []int {
	many, ok := err.(interface{ Unwrap() []error })
	switch {
	case ok:
		var list []int
		for _, one := range many.Unwrap() {
			list = append(list, codes(one)...)
		}
		return list
	case errors.Is(err, errFindings):
		return []int{exitFindings}
	case errors.Is(err, errNotCaught), errors.Is(err, errLate):
		return []int{exitDoubtful}
	case errors.Is(err, errMissed):
		return []int{exitMissed}
	case errors.Is(err, errLoad):
		return []int{exitTooSlow}
	}
	return []int{exitBroken}
}

// options holds the command line.
type options struct {
	short   bool
	only    []string
	out     string
	verbose bool
	binary  string
	length  time.Duration
	slow    bool
}

func parse(args []string, stdout io.Writer) (options, error) {
	var o options
	var only string
	flags := flag.NewFlagSet("faults", flag.ContinueOnError)
	flags.SetOutput(stdout)
	flags.BoolVar(&o.short, "short", false, "strike with each fault once")
	flags.StringVar(&only, "only", "", "names of faults, bad builds and controls, by comma; parts of names will do")
	flags.StringVar(&o.out, "out", "", "write the report to this file")
	flags.BoolVar(&o.verbose, "v", false, "show the requests around each finding")
	flags.StringVar(&o.binary, "binary", "", "a binary built with -tags faults; by default it is built")
	flags.DurationVar(&o.length, "for", 10*time.Minute, "how long to strike in the main stage, unless -short")
	flags.BoolVar(&o.slow, "slow", false, "with a tenth of the load, and one stage after the other: for a slow machine")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if only != "" {
		o.only = strings.Split(only, ",")
	}
	return o, nil
}

// wants reports whether -only selects a name.
func (o options) wants(name string) bool {
	for _, part := range o.only {
		if strings.Contains(name, part) {
			return true
		}
	}
	return len(o.only) == 0
}

// build builds the binary with faults, unless -binary names one.
func (o *options) build(ctx context.Context) (remove func(), err error) {
	if o.binary != "" {
		return func() {}, nil
	}
	dir, err := os.MkdirTemp("", "rekey-faults-bin-")
	if err != nil {
		return nil, fmt.Errorf("making a directory: %w", err)
	}
	remove = func() { _ = os.RemoveAll(dir) }
	o.binary = filepath.Join(dir, "rekey")
	out, err := exec.CommandContext(ctx, "go", "build", "-tags", "faults", "-o", o.binary, "rekey").CombinedOutput()
	if err != nil {
		remove()
		return nil, fmt.Errorf("go build: %w\n%s", err, out)
	}
	return remove, nil
}

// write writes the report if -out is set.
func (b *bench) write(ctx context.Context, args []string) error {
	if b.out == "" || len(b.report.Outcomes) == 0 {
		return nil
	}
	b.report.Command = strings.Join(append([]string{"go run ./bench/faults"}, args...), " ")
	b.report.Machine = fmt.Sprintf("%d cores, %s/%s, %s, %s", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version(), b.report.Outcomes[0].Servers)
	b.report.Commit = "unknown"
	if head, err := exec.CommandContext(ctx, "git", "rev-parse", "--short", "HEAD").Output(); err == nil {
		b.report.Commit = strings.TrimSpace(string(head))
	}
	f, err := os.Create(b.out)
	if err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return errors.Join(b.report.Write(f), f.Close())
}
