package web

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"rekey/internal/auth"
	"rekey/internal/test/logcheck"
)

func ask(h http.Handler) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/readyz", nil))
	return w
}

func passes(context.Context) error { return nil }

func fails(err error) func(context.Context) error {
	return func(context.Context) error { return err }
}

func TestLive(t *testing.T) {
	if w := ask(Live()); w.Code != http.StatusOK || w.Body.String() != "ok\n" {
		t.Errorf("%d %q", w.Code, w.Body)
	}
}

func TestReady(t *testing.T) {
	dsn := errors.New("dial tcp db.internal:5432: refused")
	for name, tc := range map[string]struct {
		checks []Check
		status int
		want   string
	}{
		"Nothing":  {nil, 200, `{"status":"ok","checks":{}}`},
		"OK":       {[]Check{{"database", passes, false}, {"redis", passes, true}}, 200, `{"status":"ok","checks":{"database":"ok","redis":"ok"}}`},
		"Degraded": {[]Check{{"database", passes, false}, {"redis", fails(dsn), true}}, 200, `{"status":"degraded","checks":{"database":"ok","redis":"failed"}}`},
		"Required": {[]Check{{"database", fails(auth.Unavailable(dsn)), false}, {"redis", fails(dsn), true}}, 503,
			`{"status":"unavailable","checks":{"database":"temporarily unavailable, try again","redis":"failed"}}`},
		"NotReady": {[]Check{{"clock", fails(NotReady("clock is 45s off")), false}}, 503, `{"status":"unavailable","checks":{"clock":"clock is 45s off"}}`},
		"Panic":    {[]Check{{"database", func(context.Context) error { panic("hunter2") }, false}}, 503, `{"status":"unavailable","checks":{"database":"failed"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			w := ask(Ready(logcheck.Logger(t), tc.checks))
			if got := strings.TrimSpace(w.Body.String()); w.Code != tc.status || got != tc.want {
				t.Errorf("%d %s\nwant %d %s", w.Code, got, tc.status, tc.want)
			}
		})
	}
}

func TestReady_Timeout(t *testing.T) {
	t.Run("HeedsItsContext", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := ask(Ready(logcheck.Logger(t), []Check{{"database", func(ctx context.Context) error {
				<-ctx.Done()
				return auth.Unavailable(ctx.Err())
			}, false}}))
			if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "timed out") {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	})
	t.Run("Hangs", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			release := make(chan struct{})
			var runs atomic.Int32
			h := Ready(logcheck.Logger(t), []Check{{"redis", func(context.Context) error {
				runs.Add(1)
				<-release
				return nil
			}, true}})
			for range 3 {
				if w := ask(h); !strings.Contains(w.Body.String(), `"redis":"timed out"`) {
					t.Errorf("%s", w.Body)
				}
			}
			if runs.Load() != 1 {
				t.Errorf("a check that hangs was run %d times", runs.Load())
			}
			close(release)
			synctest.Wait()
			if w := ask(h); !strings.Contains(w.Body.String(), `"redis":"ok"`) {
				t.Errorf("after it hung: %s", w.Body)
			}
		})
	})
}

func TestReady_LogsChanges(t *testing.T) {
	var log logBuffer
	var err error
	h := Ready(log.logger(t), []Check{{"database", func(context.Context) error { return err }, false}})
	lines := func() int { return strings.Count(log.String(), "\n") }
	for i, step := range []struct {
		err  error
		want int
	}{
		{nil, 0}, {errors.New("refused"), 1}, {errors.New("refused"), 1},
		{auth.Unavailable(errors.New("the cause")), 2}, {nil, 3}, {nil, 3},
	} {
		err = step.err
		ask(h)
		if lines() != step.want {
			t.Errorf("step %d: %d lines, want %d:\n%s", i, lines(), step.want, log.String())
		}
	}
	if !strings.Contains(log.String(), `"error":"the cause"`) {
		t.Errorf("the cause is not logged: %s", log.String())
	}
}
