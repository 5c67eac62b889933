package web

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"rekey/internal/auth"
	"rekey/internal/test/logcheck"
)

// logged returns the only line that a request leaves.
func logged(t *testing.T, handler http.HandlerFunc, r *http.Request) map[string]any {
	t.Helper()
	var log logBuffer
	r = r.WithContext(auth.WithClient(r.Context(), auth.Client{Address: "192.0.2.1", RequestID: "request-1"}))
	AccessLog(Options{Log: log.logger(t), Now: steps()}, handler).ServeHTTP(httptest.NewRecorder(), r)
	var line map[string]any
	if err := json.Unmarshal([]byte(log.String()), &line); err != nil {
		t.Fatalf("log %q: %v", log.String(), err)
	}
	delete(line, "time")
	return line
}

func TestAccessLog(t *testing.T) {
	t.Run("Line", func(t *testing.T) {
		r := httptest.NewRequest(http.MethodPost, "/auth/refresh?token=hunter2", strings.NewReader("hunter2"))
		r.Header.Set("Authorization", "Bearer hunter2")
		got := logged(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusCreated)
			_, _ = w.Write([]byte("hunter2"))
		}, r)
		want := map[string]any{
			"level": "INFO", "msg": "request", "method": "POST", "path": "/auth/refresh", "status": 201.0,
			"bytes": 7.0, "duration_ms": 250.0, "request_id": "request-1", "client": "192.0.2.1",
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("line %v\nwant %v", got, want)
		}
	})
	t.Run("Levels", func(t *testing.T) {
		for status, level := range map[int]string{200: "INFO", 404: "INFO", 429: "INFO", 500: "INFO", 503: "INFO"} {
			line := logged(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) },
				httptest.NewRequest(http.MethodGet, "/", nil))
			if line["level"] != level {
				t.Errorf("%d at %v, want %s", status, line["level"], level)
			}
		}
	})
	t.Run("SilentHandler", func(t *testing.T) {
		line := logged(t, func(http.ResponseWriter, *http.Request) {}, httptest.NewRequest(http.MethodGet, "/", nil))
		if line["status"] != 200.0 {
			t.Errorf("status %v", line["status"])
		}
	})
	t.Run("InformationalStatus", func(t *testing.T) {
		line := logged(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(http.StatusConflict)
		}, httptest.NewRequest(http.MethodGet, "/", nil))
		if line["status"] != 409.0 {
			t.Errorf("status %v", line["status"])
		}
	})
}

func TestAccessLog_Answered(t *testing.T) {
	type answered struct {
		path, method string
		status       int
		took         time.Duration
		staysOpen    bool
	}
	for name, tt := range map[string]struct {
		handler http.HandlerFunc
		want    answered
	}{
		"a status": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusConflict) },
			answered{"/auth/refresh", "GET", 409, 250 * time.Millisecond, false}},
		"silence": {func(http.ResponseWriter, *http.Request) {}, answered{"/auth/refresh", "GET", 200, 250 * time.Millisecond, false}},
		"a stream": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream; charset=UTF-8")
			_, _ = w.Write([]byte("x"))
		}, answered{"/auth/refresh", "GET", 200, 250 * time.Millisecond, true}},
		"a WebSocket": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusSwitchingProtocols) },
			answered{"/auth/refresh", "GET", 101, 250 * time.Millisecond, true}},
		"an end before any answer": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
			answered{"/auth/refresh", "GET", 0, 250 * time.Millisecond, false}},
	} {
		t.Run(name, func(t *testing.T) {
			var got answered
			record := func(path, method string, status int, took time.Duration, staysOpen bool) {
				got = answered{path, method, status, took, staysOpen}
			}
			func() {
				defer func() { _ = recover() }()
				AccessLog(Options{Log: logcheck.Logger(t), Now: steps(), Answered: record}, tt.handler).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/auth/refresh?token=x", nil))
			}()
			if got != tt.want {
				t.Errorf("answered %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestLoggedPath(t *testing.T) {
	token := "eyJ" + strings.Repeat("x", 300) + ".y.z"
	for in, want := range map[string]string{
		"/auth/refresh": "/auth/refresh",
		"/sessions/95a51a3f-56fa-4889-bf80-3c57d054b1c2/events": "/sessions/95a51a3f-56fa-4889-bf80-3c57d054b1c2/events",
		"/auth/refresh/" + token:                                "/auth/refresh/[long]",
		token + "/x":                                            "[long]/x",
		strings.Repeat("/seg", 100):                             strings.Repeat("/seg", 32),
	} {
		if got := loggedPath(in); got != want {
			t.Errorf("loggedPath(%q) = %q, want %q", in, got, want)
		}
	}
}

// Durations have their unit in both formats.
func TestNewLogger_durations(t *testing.T) {
	for format, want := range map[string]string{"text": " wait=1.204ms", "json": `,"wait":"1.204ms"}`} {
		var out bytes.Buffer
		NewLogger(&out, format, slog.LevelInfo).Info("m", "wait", 1204*time.Microsecond)
		if got := strings.TrimSpace(out.String()); !strings.HasSuffix(got, want) {
			t.Errorf("%s: %s, want it to end in %s", format, got, want)
		}
	}
}
