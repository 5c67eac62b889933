package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"rekey/internal/auth"
)

const (
	// checkTimeout bounds each check of a readiness probe.
	checkTimeout = 2 * time.Second
	// probeTimeout is longer than checkTimeout, so that Probe gets an answer.
	probeTimeout = 3 * time.Second
	// maxProbeAnswer is how many bytes of an answer Probe returns.
	maxProbeAnswer = 4 << 10
	// maxMetrics is how many bytes of the metrics Scrape returns.
	maxMetrics = 4 << 20
)

// Check is one dependency of the process.
type Check struct {
	Name string
	// Func returns nil if the dependency is healthy. The answer shows of its
	// error only an *auth.Error's message or a NotReady; the log has the rest.
	Func func(ctx context.Context) error
	// Optional is set if the process also works without the dependency, if less
	// well.
	Optional bool
}

// NotReady is a reason that may be shown to anybody.
type NotReady string

// Error returns the reason.
func (n NotReady) Error() string { return string(n) }

// ReadOnly answers 405 to methods other than GET and HEAD.
func ReadOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "Method Not Allowed", http.StatusMethodNotAllowed)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Text serves a text that does not change, to GET and HEAD.
func Text(text string) http.Handler {
	return ReadOnly(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=UTF-8")
		_, _ = w.Write([]byte(text)) // the client may have left
	}))
}

// Live answers 200 as long as the process serves. It has no dependency, so that
// a database that is unreachable does not get the process restarted.
func Live() http.Handler { return Text("ok\n") }

// health is the answer of Ready.
type health struct {
	Status string            `json:"status"` // ok, degraded, unavailable
	Checks map[string]string `json:"checks"` // ok, or the reason
}

// checker runs the checks. It does not start a check that is still running, so
// a dependency that hangs holds one goroutine, however many probes come.
type checker struct {
	log    *slog.Logger
	checks []Check

	mu      sync.Mutex
	logged  map[string]string    // the last logged reason by check
	running map[string]*checkRun // by check
}

// checkRun is a check that has not finished. err is set before done is closed.
type checkRun struct {
	done chan struct{}
	err  error
}

// Ready answers 503 if a required check fails, else 200. Checks run in
// parallel, each for at most two seconds. A failure is logged when it begins,
// changes or ends.
func Ready(log *slog.Logger, checks []Check) http.Handler {
	c := &checker{log: log, checks: checks, logged: map[string]string{}, running: map[string]*checkRun{}}
	return ReadOnly(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := c.runAll(r.Context())
		w.Header().Set("Content-Type", "application/json; charset=UTF-8")
		if answer.Status == "unavailable" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_ = json.NewEncoder(w).Encode(answer)
	}))
}

func (c *checker) runAll(ctx context.Context) health {
	results := make([]error, len(c.checks))
	var wg sync.WaitGroup
	for i, check := range c.checks {
		wg.Go(func() { results[i] = c.run(ctx, check) })
	}
	wg.Wait()
	answer := health{Status: "ok", Checks: map[string]string{}}
	for i, check := range c.checks {
		reason := publicReason(results[i])
		c.mu.Lock()
		before, known := c.logged[check.Name]
		c.logged[check.Name] = reason
		c.mu.Unlock()
		switch {
		case before == reason, !known && results[i] == nil:
		case results[i] == nil:
			c.log.InfoContext(ctx, "readiness check passes again", "check", check.Name)
		default:
			c.log.WarnContext(ctx, "readiness check fails", "check", check.Name, "reason", reason, "error", auth.Cause(results[i]))
		}
		answer.Checks[check.Name] = reason
		switch {
		case results[i] == nil:
		case !check.Optional:
			answer.Status = "unavailable"
		case answer.Status == "ok":
			answer.Status = "degraded"
		}
	}
	return answer
}

// run returns after the timeout, or at the deadline of the request, even if the
// check ignores its context. Probes that arrive while a check runs share its
// result, so its context does not end with the request.
func (c *checker) run(ctx context.Context, check Check) error {
	deadline, limited := ctx.Deadline()
	ctx = context.WithoutCancel(ctx)
	wait, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	if limited {
		wait, cancel = context.WithDeadline(wait, deadline)
		defer cancel()
	}
	r := c.start(ctx, check)
	select {
	case <-r.done:
		return r.err
	case <-wait.Done():
		return fmt.Errorf("running check %s: %w", check.Name, wait.Err())
	}
}

// start starts a check, unless it is running already.
func (c *checker) start(ctx context.Context, check Check) *checkRun {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.running[check.Name]
	if r != nil {
		return r
	}
	r = &checkRun{done: make(chan struct{})}
	c.running[check.Name] = r
	go func() {
		ctx, cancel := context.WithTimeout(ctx, checkTimeout)
		defer cancel()
		defer func() {
			if v := recover(); v != nil { // a panic in this goroutine would end the process
				r.err = fmt.Errorf("check panicked with a %T", v)
			}
			c.mu.Lock()
			delete(c.running, check.Name)
			c.mu.Unlock()
			close(r.done)
		}()
		r.err = check.Func(ctx)
	}()
	return r
}

// publicReason returns what the answer shows of a check's error.
func publicReason(err error) string {
	var public *auth.Error
	var notReady NotReady
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &notReady):
		return string(notReady)
	case errors.Is(err, context.DeadlineExceeded):
		return "timed out"
	case errors.As(err, &public):
		return public.Message
	}
	return "failed"
}

// Probe requests url, a health check of this machine. It returns nil if the
// status is 200, else an error with the answer.
func Probe(ctx context.Context, url string) error {
	_, err := fetch(ctx, url, maxProbeAnswer)
	return err
}

// Scrape returns the text of the metrics of this machine's service.
func Scrape(ctx context.Context, url string) (string, error) { return fetch(ctx, url, maxMetrics) }

// fetch returns at most the first bytes of an answer with status 200.
func fetch(ctx context.Context, url string, most int64) (text string, err error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", fmt.Errorf("requesting %s: %w", url, err)
	}
	// It uses neither a proxy of the environment nor a kept connection.
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		return "", fmt.Errorf("requesting %s: %w", url, err)
	}
	defer func() { err = errors.Join(err, res.Body.Close()) }()
	body, err := io.ReadAll(io.LimitReader(res.Body, most))
	if err != nil {
		return "", fmt.Errorf("reading its answer: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: %.*s", res.Status, maxProbeAnswer, body)
	}
	return string(body), nil
}
