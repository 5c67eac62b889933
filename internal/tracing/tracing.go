package tracing

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

// tracesPath is what the specification adds to the endpoint of all signals.
const tracesPath = "/v1/traces"

// closeTimeout bounds the last export.
const closeTimeout = 2 * time.Second

// Options are what Open needs.
type Options struct {
	// Endpoint is the collector's URL for OTLP over HTTP, without the path of
	// a signal. What else there is to set is read from the environment by the
	// SDK, as its specification names it.
	Endpoint string
	// Headers go with each request to it: name=value by comma, the values
	// percent-encoded.
	Headers string
	// Routes are the paths that spans tell; of all others they tell none.
	Routes []string
	Log    *slog.Logger
}

// Tracer makes spans and sends them, a batch now and then. It is safe for
// concurrent use.
type Tracer struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
	routes   []string
}

// Open makes a tracer. It does not connect: a collector that is away is no
// reason not to start.
func Open(ctx context.Context, o Options) (*Tracer, error) {
	options := []otlptracehttp.Option{otlptracehttp.WithEndpointURL(o.Endpoint + tracesPath)}
	if o.Headers != "" {
		options = append(options, otlptracehttp.WithHeaders(headers(o.Headers)))
	}
	exporter, err := otlptracehttp.New(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("opening the exporter of traces: %w", err)
	}
	about, err := resource.New(ctx, resource.WithTelemetrySDK(),
		resource.WithAttributes(attribute.String("service.name", "rekey")), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("reading OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	provider := sdk.NewTracerProvider(sdk.WithBatcher(&steady{SpanExporter: exporter, log: o.Log}), sdk.WithResource(about))
	return &Tracer{provider: provider, tracer: provider.Tracer("rekey"), routes: o.Routes}, nil
}

// headers reads what configuration has checked.
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

// Close sends what was not sent yet, if the collector takes it within two
// seconds.
func (t *Tracer) Close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, closeTimeout)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil {
		return fmt.Errorf("sending the last spans: %w", err)
	}
	return nil
}

// Begin begins the span of a step. Its error is told by one word.
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

// Request begins the span of an HTTP request; the returned function ends it,
// with the status or 0 for an answer that was cut off. What a client says of a
// trace of its own is not listened to: anybody could have anything traced.
func (t *Tracer) Request(ctx context.Context, method, path string) (context.Context, func(status int)) {
	name := method
	if !slices.Contains([]string{"GET", "HEAD", "POST", "OPTIONS"}, method) {
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

// steady logs when sending begins to fail and when it works again. Errors would
// go to a handler that is global otherwise.
type steady struct {
	sdk.SpanExporter
	log     *slog.Logger
	failing atomic.Bool
}

// ExportSpans is sdk.SpanExporter's. What went wrong is told here, and nowhere else.
func (s *steady) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	s.note(ctx, s.SpanExporter.ExportSpans(ctx, spans))
	return nil
}

func (s *steady) note(ctx context.Context, err error) {
	switch failing := err != nil; {
	case failing && !s.failing.Swap(true):
		s.log.WarnContext(ctx, "traces are lost: the collector does not take them", "error", err)
	case !failing && s.failing.Swap(false):
		s.log.InfoContext(ctx, "the collector takes traces again")
	}
}
