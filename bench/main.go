// Command bench measures what a refresh costs beside what it cannot do
// without: the same UPDATE by pgbench, and the cryptography alone.
//
//	go run ./bench [-short] [-only refresh,access,...] [-out docs/performance.md]
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"rekey/bench/internal/load"
	"rekey/internal/test/throwaway"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := start(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// start runs the bench, or the process of its clients.
func start(ctx context.Context) error {
	if slices.Equal(os.Args[1:], []string{load.Argument}) {
		return load.Generate(ctx, os.Stdin, os.Stdout, time.Now)
	}
	return run(ctx, os.Args[1:], os.Stdout, time.Now)
}

// options holds the command line.
type options struct {
	short, large bool
	only         []string
	out, results string
	binary       string
	against      string
	profile      string
	rounds       int
	clients      []int
	window       time.Duration
}

func parse(args []string, stdout io.Writer) (options, error) {
	var o options
	var only, clients string
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stdout)
	flags.BoolVar(&o.short, "short", false, "everything once and briefly: the figures say little")
	flags.BoolVar(&o.large, "large", false, "grow to ten million sessions")
	flags.StringVar(&only, "only", "", "parts by comma: refresh, access, logins, embedded, growth, chain, start")
	flags.StringVar(&o.out, "out", "", "write the figures into this document")
	flags.StringVar(&o.results, "results", "", "a JSON file that keeps the figures of parts measured earlier")
	flags.StringVar(&o.binary, "binary", "", "measure this binary; by default it is built")
	flags.StringVar(&o.against, "against", "", "compare with this binary, in turns, and measure nothing else")
	flags.StringVar(&o.profile, "profile", "", "write CPU profiles of the server into this directory, and measure nothing else")
	flags.IntVar(&o.rounds, "rounds", 3, "rounds, of which medians are taken")
	flags.StringVar(&clients, "clients", "", "numbers of clients by comma")
	flags.DurationVar(&o.window, "window", 4*time.Second, "how long each sample is taken")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if only != "" {
		o.only = strings.Split(only, ",")
	}
	for text := range strings.SplitSeq(clients, ",") {
		if n, err := strconv.Atoi(text); err == nil && n > 0 {
			o.clients = append(o.clients, n)
		}
	}
	if o.short {
		o.rounds, o.window = 1, time.Second
	}
	return o, nil
}

func (o options) wants(part string) bool { return len(o.only) == 0 || slices.Contains(o.only, part) }

// profile is the profile that deploy/Dockerfile also builds with.
const profile = "deploy/rekey.pgo"

// build returns the binary to measure, built as for the container image. A short
// run does not use the profile, which would recompile everything.
func (o options) build(ctx context.Context, dir string) (string, error) {
	if o.binary != "" {
		return filepath.Abs(o.binary)
	}
	binary := filepath.Join(dir, "rekey")
	pgo := profile
	if o.short {
		pgo = "off"
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-tags", "urfave_cli_no_template,grpcnotrace", "-ldflags", "-s -w", "-pgo", pgo, "-o", binary, "rekey")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return binary, nil
}

func commit(ctx context.Context) string {
	head, err := exec.CommandContext(ctx, "git", "rev-parse", "--short", "HEAD").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(head))
}

func machine() string {
	model := runtime.GOARCH
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		_, after, _ := strings.Cut(string(info), "model name")
		line, _, _ := strings.Cut(after, "\n")
		model = strings.TrimLeft(line, "\t: ")
	}
	return fmt.Sprintf("%d cores (%s), %s/%s, %s", runtime.NumCPU(), model, runtime.GOOS, runtime.GOARCH, runtime.Version())
}

// servers returns the names and versions of the installed servers.
func servers(ctx context.Context) string {
	var names []string
	for binary, debian := range map[string]string{"postgres": "postgresql", "redis-server": "redis-server"} {
		path, err := throwaway.FindBinary(binary, debian)
		if err != nil {
			continue
		}
		if out, err := exec.CommandContext(ctx, path, "--version").Output(); err == nil {
			names = append(names, shortVersion(string(out)))
		}
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// shortVersion extracts the product and its number from the output of --version.
func shortVersion(said string) string {
	for _, word := range strings.Fields(said) {
		if number := strings.TrimPrefix(word, "v="); number[0] >= '0' && number[0] <= '9' {
			product := "Postgres"
			if number != word {
				product = "Redis"
			}
			return product + " " + number
		}
	}
	return strings.TrimSpace(said)
}
