// Command rekey is a self-hosted GraphQL auth API. This file connects the
// process to internal/app, which builds and runs everything.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // TZ must work on machines without zone files

	"rekey/internal/app"
)

func main() {
	stopSignals := []os.Signal{syscall.SIGINT, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // nohup ignores it
		stopSignals = append(stopSignals, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), stopSignals...)
	code := app.Run(ctx, os.Args[1:],
		app.Environment{Get: os.Getenv, Set: os.Setenv, All: os.Environ},
		app.Standard{In: os.Stdin, Out: os.Stdout, Err: os.Stderr})
	stop()
	os.Exit(code)
}
