package observe

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// The log contains no part of the collector's URL, whether it is unreachable or
// refuses the spans.
func TestLoggedExporter_concealsURL(t *testing.T) {
	const secret = "s3crettail"
	refuses := httptest.NewServer(http.NotFoundHandler())
	defer refuses.Close()
	for _, url := range []string{
		refuses.URL + "/" + secret, "http://" + secret + ".invalid/x", "http://127.0.0.1:1/" + secret,
		"http://app:" + secret + "@127.0.0.1:1/", strings.Replace(refuses.URL, "://", "://app:"+secret+"@", 1),
	} {
		exporter, err := otlptracehttp.New(t.Context(), otlptracehttp.WithEndpointURL(url), otlptracehttp.WithRetry(otlptracehttp.RetryConfig{}))
		if err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		logged := &loggedExporter{SpanExporter: exporter, log: slog.New(slog.NewTextHandler(&log, nil))}
		_ = logged.ExportSpans(t.Context(), []sdk.ReadOnlySpan{tracetest.SpanStub{Name: "x"}.Snapshot()})
		if text := log.String(); text == "" || strings.Contains(text, secret) {
			t.Errorf("%s: %s", url, text)
		}
	}
}
