package web

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestRecover(t *testing.T) {
	t.Run("LogsWithoutTheValue", func(t *testing.T) {
		var log logBuffer
		s := start(t, Options{Log: log.logger(t)}, routes())
		body := call(t, s, "GET", "/panic", "X-Request-ID", "request-1").body
		for _, want := range []string{`"requestId":"request-1"`, "internal error", "INTERNAL"} {
			if !strings.Contains(string(body), want) {
				t.Errorf("body %s lacks %s", body, want)
			}
		}
		line, _, _ := strings.Cut(log.String(), "\n")
		if !strings.Contains(line, `"request_id":"request-1"`) || !strings.Contains(line, "chain_test.go") {
			t.Errorf("log %s", line)
		}
		if strings.Contains(log.String()+string(body), "secret of the panic") {
			t.Error("the panic's value is logged or answered")
		}
		if call(t, s, "GET", "/ok").status != http.StatusOK {
			t.Error("the server no longer serves")
		}
	})

	t.Run("RuntimeErrorIsNamed", func(t *testing.T) {
		var log logBuffer
		s := start(t, Options{Log: log.logger(t)}, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			var nothing *http.Request
			_ = nothing.Method
		}))
		if got := call(t, s, "GET", "/").status; got != http.StatusInternalServerError {
			t.Errorf("status %d", got)
		}
		if !strings.Contains(log.String(), "nil pointer dereference") {
			t.Errorf("log %s", log.String())
		}
	})

	t.Run("HalfAnAnswerIsCutOff", func(t *testing.T) {
		for _, encoding := range []string{"identity", "gzip"} {
			var log logBuffer
			s := start(t, Options{Log: log.logger(t)}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				_, _ = w.Write([]byte(strings.Repeat("half", 10_000)))
				panic("late")
			}))
			if err := get(t, s.URL, encoding); err == nil {
				t.Errorf("%s: the client took half an answer for a whole one", encoding)
			}
			s.Close() // waits for the handler, and so for its log
			if !strings.Contains(log.String(), `"level":"WARN","msg":"request"`) || !strings.Contains(log.String(), `"aborted":true`) || !strings.Contains(log.String(), `"msg":"panic"`) {
				t.Errorf("%s: log %s", encoding, log.String())
			}
		}
	})

	t.Run("AbortPasses", func(t *testing.T) {
		var log logBuffer
		s := start(t, Options{Log: log.logger(t)}, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			panic(http.ErrAbortHandler)
		}))
		if err := get(t, s.URL, "identity"); err == nil {
			t.Error("an aborted request was answered")
		}
		s.Close()
		if strings.Contains(log.String(), `"msg":"panic"`) {
			t.Errorf("log %s", log.String())
		}
	})
}

// get reads a whole answer and returns what went wrong on the way.
func get(t *testing.T, url, encoding string) error {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept-Encoding", encoding)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	_, err = io.Copy(io.Discard, res.Body)
	return err
}
