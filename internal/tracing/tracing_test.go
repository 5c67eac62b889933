package tracing_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"rekey/internal/auth"
	"rekey/internal/tracing"
)

// TestTracer_collectorRefuses: that traces are lost is said once, however many
// batches are.
func TestTracer_collectorRefuses(t *testing.T) {
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
	}))
	t.Cleanup(collector.Close)
	var mu sync.Mutex
	var text strings.Builder
	log := slog.New(slog.NewTextHandler(writer(func(p []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return text.Write(p)
	}), nil))
	tr, err := tracing.Open(t.Context(), tracing.Options{Endpoint: collector.URL, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	for range 2000 { // several batches
		_, end := tr.Begin(t.Context(), auth.StepRefresh, auth.Client{})
		end(nil)
	}
	_ = tr.Close(t.Context())
	mu.Lock()
	defer mu.Unlock()
	if n := strings.Count(text.String(), "traces are lost"); n != 1 {
		t.Errorf("said %d times:\n%s", n, text.String())
	}
}

type writer func(p []byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

// BenchmarkTracer is what a span costs where traces are on.
func BenchmarkTracer(b *testing.B) {
	collector := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer collector.Close()
	tr, err := tracing.Open(b.Context(), tracing.Options{Endpoint: collector.URL, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		_, end := tr.Begin(b.Context(), auth.StepRefresh, auth.Client{Transport: "rest"})
		end(nil)
	}
	_ = tr.Close(b.Context())
}
