package e2e

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	spans "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"rekey/internal/test/logcheck"
)

// otlp is a collector of traces.
type otlp struct {
	*httptest.Server
	mu            sync.Mutex
	spans         []*spans.Span
	text          strings.Builder // everything that it received, one batch per line
	fault         string
	authorization string
}

func newOTLP(t *testing.T) *otlp {
	o := &otlp{}
	o.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var batch collector.ExportTraceServiceRequest
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = proto.Unmarshal(body, &batch)
		}
		o.mu.Lock()
		defer o.mu.Unlock()
		if err != nil || r.URL.Path != "/v1/traces" {
			o.fault = r.URL.Path
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		o.authorization = r.Header.Get("Authorization")
		o.text.WriteString(protojson.Format(&batch) + "\n")
		for _, resource := range batch.GetResourceSpans() {
			for _, scope := range resource.GetScopeSpans() {
				o.spans = append(o.spans, scope.GetSpans()...)
			}
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(o.Close)
	return o
}

// paths returns the spans as "transport > use case > part", with their
// attributes.
func (o *otlp) paths() map[string]map[string]string {
	byID := map[string]*spans.Span{}
	for _, s := range o.spans {
		byID[string(s.GetSpanId())] = s
	}
	all := map[string]map[string]string{}
	for _, s := range o.spans {
		name := s.GetName()
		for up := byID[string(s.GetParentSpanId())]; up != nil; up = byID[string(up.GetParentSpanId())] {
			name = up.GetName() + " > " + name
		}
		all[name] = map[string]string{}
		for _, a := range s.GetAttributes() {
			all[name][a.GetKey()] = a.GetValue().String()
		}
	}
	return all
}

// TestTraces: a collector receives where requests spend their time, and nothing
// else.
func TestTraces(t *testing.T) {
	o := newOTLP(t)
	headers := filepath.Join(t.TempDir(), "headers")
	if err := os.WriteFile(headers, []byte("authorization=Bearer%20x,x-tenant=a\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, map[string]string{
		"DATA_DIR": t.TempDir(), "OTEL_EXPORTER_OTLP_ENDPOINT": o.URL, "OTEL_EXPORTER_OTLP_HEADERS_FILE": headers, "REUSE_WINDOW": "0s",
		"OTEL_BSP_SCHEDULE_DELAY": "50", // ms; a process that ends waits for the last batch for a limited time
	})
	busyDay(t, p)
	res, err := httpClient().Get(p.URL + "/auth/strangers-choice?token=canary")
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	eventually(t, "the last span comes", func() bool {
		o.mu.Lock()
		defer o.mu.Unlock()
		return o.fault != "" || o.paths()["GET"] != nil
	})
	if code := p.terminate(); code != 0 {
		t.Fatalf("exit code %d:\n%s", code, p.out)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.fault != "" {
		t.Fatalf("the collector was asked for %s, or did not understand", o.fault)
	}
	if o.authorization != "Bearer x" {
		t.Errorf("the collector received %q", o.authorization)
	}
	got := o.paths()
	for _, want := range []string{
		"GET /auth/refresh > refresh > swap", "GET /auth/refresh > refresh > sign",
		"POST /graphql > login > hash_queue", "POST /graphql > login > hash", "POST /graphql > sign_up > sign",
		"POST /graphql > access", "GET",
	} {
		if got[want] == nil {
			t.Errorf("no span %s in %v", want, got)
		}
	}
	for attribute, want := range map[string]string{"rekey.outcome": "token_reused", "rekey.transport": "graphql"} {
		if !strings.Contains(o.text.String(), want) {
			t.Errorf("no span has %s %s", attribute, want)
		}
	}
	transport := got["GET /auth/refresh"]
	if len(transport["rekey.session_id"]) < 36 || transport["rekey.request_id"] == "" || !strings.Contains(transport["http.response.status_code"], "201") {
		t.Errorf("the transport's span has %v", transport)
	}
	for _, found := range logcheck.Find(o.text.String(), append(keysSent(), "strangers-choice", "ada@", "127.0.0.1")...) {
		t.Errorf("a span contains %.300s", found)
	}
}

// TestTraces_away: the service works while its collector is unreachable.
func TestTraces_away(t *testing.T) {
	o := newOTLP(t)
	o.Close()
	p := start(t, map[string]string{"DATA_DIR": t.TempDir(), "OTEL_EXPORTER_OTLP_ENDPOINT": o.URL})
	signUp(t, httpClient(), p.URL, "ada@example.com")
	if code := p.terminate(); code != 0 {
		t.Errorf("exit code %d:\n%s", code, p.out)
	}
}
