package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"rekey/internal/auth"
)

// checkTimeout bounds each check of a readiness probe.
const checkTimeout = 2 * time.Second

// Check is one thing that the process needs, or would like to have.
type Check struct {
	Name string
	// Func returns nil when all is well. Of its error only an *auth.Error's
	// message or a NotReady is told; the rest goes to the log.
	Func func(ctx context.Context) error
	// Optional tells that the process works without it, if less well.
	Optional bool
}

// NotReady is a reason that may be told to anybody.
type NotReady string

// Error returns the reason.
func (n NotReady) Error() string { return string(n) }

// Live answers 200 as long as the process serves. It depends on nothing, so
// that trouble with a database does not get the process restarted.
func Live() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=UTF-8")
		_, _ = w.Write([]byte("ok\n"))
	})
}

// readiness is what /readyz answers.
type readiness struct {
	Status string            `json:"status"` // ok, degraded, unavailable
	Checks map[string]string `json:"checks"` // ok, or the reason
}

// prober runs the checks. A check that is still running is not run again: a
// dependency that hangs holds up one goroutine, however often it is asked for.
type prober struct {
	log    *slog.Logger
	checks []Check
	flight singleflight.Group
	mu     sync.Mutex
	last   map[string]string // what was logged of each check
}

// Ready answers what the checks say: 503 when one that is required fails, else
// 200. Checks run side by side, each for at most two seconds. A failure is
// logged when it begins, changes or ends.
func Ready(log *slog.Logger, checks []Check) http.Handler {
	p := &prober{log: log, checks: checks, last: map[string]string{}}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := p.probe(r.Context())
		w.Header().Set("Content-Type", "application/json; charset=UTF-8")
		if answer.Status == "unavailable" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_ = json.NewEncoder(w).Encode(answer)
	})
}

func (p *prober) probe(ctx context.Context) readiness {
	results := make([]error, len(p.checks))
	var wg sync.WaitGroup
	for i, c := range p.checks {
		wg.Go(func() { results[i] = p.run(ctx, c) })
	}
	wg.Wait()
	answer := readiness{Status: "ok", Checks: map[string]string{}}
	for i, c := range p.checks {
		reason := reasonOf(results[i])
		p.logChange(ctx, c.Name, reason, results[i])
		answer.Checks[c.Name] = reason
		switch {
		case results[i] == nil:
		case !c.Optional:
			answer.Status = "unavailable"
		case answer.Status == "ok":
			answer.Status = "degraded"
		}
	}
	return answer
}

// run waits for a check no longer than its time, even for one that does not
// heed its context. That context does not end with the request: another probe
// may be waiting for the same run.
func (p *prober) run(ctx context.Context, c Check) error {
	ctx = context.WithoutCancel(ctx)
	wait, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	done := p.flight.DoChan(c.Name, func() (any, error) {
		ctx, cancel := context.WithTimeout(ctx, checkTimeout)
		defer cancel()
		return nil, safely(ctx, c.Func)
	})
	select {
	case result := <-done:
		return result.Err
	case <-wait.Done():
		return fmt.Errorf("check %s: %w", c.Name, wait.Err())
	}
}

// safely runs a check; a panic in its goroutine would end the process.
func safely(ctx context.Context, check func(context.Context) error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("check panicked with a %T", v)
		}
	}()
	return check(ctx)
}

// reasonOf is what may be told of a check's error.
func reasonOf(err error) string {
	var told *auth.Error
	var notReady NotReady
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &notReady):
		return string(notReady)
	case errors.Is(err, context.DeadlineExceeded):
		return "timed out"
	case errors.As(err, &told):
		return told.Message
	}
	return "failed"
}

func (p *prober) logChange(ctx context.Context, name, reason string, err error) {
	p.mu.Lock()
	before, known := p.last[name]
	p.last[name] = reason
	p.mu.Unlock()
	switch {
	case before == reason, !known && err == nil:
	case err == nil:
		p.log.InfoContext(ctx, "check passes again", "check", name)
	default:
		p.log.WarnContext(ctx, "check fails", "check", name, "reason", reason, "cause", auth.Cause(err))
	}
}
