package observe_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"rekey/internal/auth"
	"rekey/internal/observe"
)

// One line reports that traces are lost, however many batches are.
func TestTracer_CollectorRefuses(t *testing.T) {
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
	tr, err := observe.OpenTracer(t.Context(), observe.TracerOptions{Endpoint: collector.URL, Log: log})
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
		t.Errorf("logged %d times:\n%s", n, text.String())
	}
}

type writer func(p []byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

// BenchmarkTracer measures the cost of a span.
func BenchmarkTracer(b *testing.B) {
	collector := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer collector.Close()
	tr, err := observe.OpenTracer(b.Context(), observe.TracerOptions{Endpoint: collector.URL, Log: slog.New(slog.DiscardHandler)})
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
