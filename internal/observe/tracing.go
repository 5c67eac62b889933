package observe

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"rekey/internal/auth"
)

var _ auth.Observer = (*Tracer)(nil)

// tracesPath is appended to the endpoint, as OpenTelemetry specifies.
const tracesPath = "/v1/traces"

// closeTimeout bounds the last export.
const closeTimeout = 2 * time.Second

// TracerOptions configure a Tracer.
type TracerOptions struct {
	// Endpoint is the collector's URL for OTLP over HTTP, without the path of
	// a signal. The SDK reads all other settings that OpenTelemetry specifies
	// from the environment.
	Endpoint string
	// Headers are sent with each request to the collector: name=value pairs,
	// separated by commas, the values percent-encoded.
	Headers string
	// Routes are the paths that spans contain. A span of another path has none.
	Routes []string
	Log    *slog.Logger
}

// Tracer records spans and sends them in batches: one for the request, one for
// the use case in it, and one for each of its parts (swap, sign, hash). It is
// safe for concurrent use.
type Tracer struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
	routes   []string
}

// OpenTracer returns a tracer. It does not connect, so that rekey starts without
// a reachable collector.
func OpenTracer(ctx context.Context, o TracerOptions) (*Tracer, error) {
	options := []otlptracehttp.Option{otlptracehttp.WithEndpointURL(o.Endpoint + tracesPath)}
	if o.Headers != "" {
		options = append(options, otlptracehttp.WithHeaders(headers(o.Headers)))
	}
	exporter, err := otlptracehttp.New(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("creating the exporter of traces: %w", err)
	}
	identity, err := resource.New(ctx, resource.WithTelemetrySDK(),
		resource.WithAttributes(attribute.String("service.name", "rekey")), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("reading OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	provider := sdk.NewTracerProvider(sdk.WithBatcher(&loggedExporter{SpanExporter: exporter, log: o.Log}), sdk.WithResource(identity))
	return &Tracer{provider: provider, tracer: provider.Tracer("rekey"), routes: o.Routes}, nil
}

// headers parses a list that package config has validated.
func headers(text string) map[string]string {
	all := map[string]string{}
	for item := range strings.SplitSeq(text, ",") {
		name, value, ok := strings.Cut(item, "=")
		if decoded, err := url.PathUnescape(strings.TrimSpace(value)); ok && err == nil {
			all[strings.TrimSpace(name)] = decoded
		}
	}
	return all
}

// Close sends the remaining spans if the collector accepts them within two
// seconds.
func (t *Tracer) Close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, closeTimeout)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil {
		return fmt.Errorf("sending the last spans: %w", err)
	}
	return nil
}

// Begin starts the span of a step. The returned function ends it, with one word
// for its outcome.
func (t *Tracer) Begin(ctx context.Context, s auth.Step, c auth.Client) (context.Context, func(error)) {
	ctx, span := t.tracer.Start(ctx, string(s))
	if c.Transport != "" {
		span.SetAttributes(attribute.String("rekey.transport", string(c.Transport)))
	}
	return ctx, func(err error) {
		outcome := auth.Outcome(err)
		span.SetAttributes(attribute.String("rekey.outcome", outcome))
		if code := auth.AsError(err); code != nil && outcome != auth.OutcomeMovedOn &&
			(code.Code == auth.CodeInternal || code.Code == auth.CodeUnavailable) {
			span.SetStatus(codes.Error, outcome)
		}
		span.End()
	}
}

// Request starts the span of an HTTP request. The returned function ends it,
// with the status, or 0 for an answer that was cut off. It ignores a client's
// traceparent header, because strangers could otherwise have requests traced.
func (t *Tracer) Request(ctx context.Context, method, path string) (context.Context, func(status int)) {
	name := method
	if !slices.Contains(methods(), method) {
		name = "HTTP"
	}
	attrs := []attribute.KeyValue{
		attribute.String("http.request.method", name),
		attribute.String("rekey.request_id", auth.ClientFrom(ctx).RequestID),
	}
	if slices.Contains(t.routes, path) {
		name += " " + path
		attrs = append(attrs, attribute.String("http.route", path))
	}
	ctx, span := t.tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(attrs...))
	return ctx, func(status int) {
		span.SetAttributes(attribute.Int("http.response.status_code", status))
		if id := auth.SessionFrom(ctx); id != "" {
			span.SetAttributes(attribute.String("rekey.session_id", id))
		}
		span.End()
	}
}

// loggedExporter logs when sending starts to fail and when it works again. The
// SDK would pass each error to a handler that is global to the process.
type loggedExporter struct {
	sdk.SpanExporter
	log     *slog.Logger
	failing atomic.Bool
}

// ExportSpans implements [sdk.SpanExporter]. It logs an error instead of
// returning it.
func (e *loggedExporter) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	err := e.SpanExporter.ExportSpans(ctx, spans)
	switch failing := err != nil; {
	case failing && !e.failing.Swap(true):
		e.log.WarnContext(ctx, "traces are lost: the collector does not accept them; check OTEL_EXPORTER_OTLP_ENDPOINT and the collector", "error", conceal(err))
	case !failing && e.failing.Swap(false):
		e.log.InfoContext(ctx, "the collector accepts traces again")
	}
	return nil //nolint:nilerr // logged above; the SDK passes errors to a global handler
}
