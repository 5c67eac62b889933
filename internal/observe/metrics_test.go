package observe_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"

	"rekey/internal/auth"
	"rekey/internal/observe"
)

// newMetrics returns metrics whose clock advances by a second at each reading.
func newMetrics() *observe.Metrics {
	now := time.Unix(0, 0)
	return observe.NewMetrics(observe.MetricsOptions{
		Now:    func() time.Time { now = now.Add(time.Second); return now },
		Routes: []string{"/graphql"},
	})
}

// values returns all samples of ours by name and labels, "name a=b c=d". Of a
// histogram, it returns the count and the sum.
func values(t *testing.T, m *observe.Metrics) map[string]float64 {
	t.Helper()
	families, err := m.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]float64{}
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), "rekey_") {
			continue
		}
		for _, sample := range f.GetMetric() {
			labels := labelsOf(sample)
			if h := sample.GetHistogram(); h != nil {
				all[f.GetName()+"_count"+labels] = float64(h.GetSampleCount())
				all[f.GetName()+"_sum"+labels] = h.GetSampleSum()
				continue
			}
			all[f.GetName()+labels] = sample.GetCounter().GetValue() + sample.GetGauge().GetValue()
		}
	}
	return all
}

func labelsOf(sample *dto.Metric) string {
	var b strings.Builder
	for _, l := range sample.GetLabel() { // they are sorted by name
		b.WriteString(" " + l.GetName() + "=" + l.GetValue())
	}
	return b.String()
}

// check compares the samples that changed since before.
func check(t *testing.T, m *observe.Metrics, before, want map[string]float64) {
	t.Helper()
	changed := map[string]float64{}
	for name, v := range values(t, m) {
		if v != before[name] {
			changed[name] = v
		}
	}
	if !maps.Equal(changed, want) {
		t.Errorf("changed %v\nwant %v", changed, want)
	}
}

func TestMetrics_Begin(t *testing.T) {
	const took = "rekey_operation_duration_seconds"
	for name, tt := range map[string]struct {
		step      auth.Step
		transport auth.Transport
		err       error
		want      map[string]float64
	}{
		"well": {auth.StepRefresh, "rest", nil, map[string]float64{
			"rekey_operations_total operation=refresh outcome=ok transport=rest": 1}},
		"a reason": {auth.StepRefresh, "graphql", auth.Unauthenticated(auth.ReasonTokenReused, "x"), map[string]float64{
			"rekey_operations_total operation=refresh outcome=token_reused transport=graphql": 1}},
		"a code": {auth.StepLogin, "graphql", auth.Unavailable(nil), map[string]float64{
			"rekey_operations_total operation=login outcome=unavailable transport=graphql": 1}},
		"a program": {auth.StepIntrospect, auth.TransportOAuth, nil, map[string]float64{
			"rekey_operations_total operation=introspect outcome=ok transport=oauth": 1}},
		"any error": {auth.StepLogin, "graphql", errors.New("secret"), map[string]float64{
			"rekey_operations_total operation=login outcome=internal transport=graphql": 1}},
		"a client gone": {auth.StepLogin, "graphql", auth.Unavailable(context.Canceled), map[string]float64{
			"rekey_operations_total operation=login outcome=canceled transport=graphql": 1}},
		"an unknown transport": {auth.StepAccess, "/etc/passwd", nil, map[string]float64{
			"rekey_operations_total operation=access outcome=ok transport=other": 1}},
		"a part": {auth.StepSwap, "", auth.ErrMovedOn, map[string]float64{}},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMetrics()
			before := values(t, m)
			ctx, end := m.Begin(t.Context(), tt.step, auth.Client{Transport: tt.transport})
			if ctx != t.Context() {
				t.Error("another context")
			}
			end(tt.err)
			tt.want[took+"_count operation="+string(tt.step)] = 1
			tt.want[took+"_sum operation="+string(tt.step)] = 1
			check(t, m, before, tt.want)
		})
	}
	t.Run("an unknown step", func(t *testing.T) {
		m := newMetrics()
		before := values(t, m)
		_, end := m.Begin(t.Context(), "x", auth.Client{})
		end(nil)
		check(t, m, before, map[string]float64{})
	})
}

func TestMetrics_Emit(t *testing.T) {
	m := newMetrics()
	before := values(t, m)
	m.Emit(t.Context(), auth.Event{Kind: auth.EventRefreshReuse, Client: auth.Client{Transport: "rest", Address: "192.0.2.1"}, SessionID: "s"})
	m.Emit(t.Context(), auth.Event{Kind: auth.EventRefreshReuse, Client: auth.Client{Transport: "rest"}})
	m.Emit(t.Context(), auth.Event{Kind: auth.EventLogin, Client: auth.Client{Transport: "x"}})
	m.Emit(t.Context(), auth.Event{Kind: auth.EventSessionRevoked, Client: auth.Client{Transport: auth.TransportOAuth}})
	m.Emit(t.Context(), auth.Event{Kind: "x", Client: auth.Client{Transport: "rest"}})
	check(t, m, before, map[string]float64{
		"rekey_events_total event=refresh_reuse transport=rest":    2,
		"rekey_events_total event=session_revoked transport=oauth": 1,
		"rekey_events_total event=login transport=other":           1,
	})
}

func TestMetrics_Answered(t *testing.T) {
	m := newMetrics()
	before := values(t, m)
	m.Answered("/graphql", "POST", 200, time.Second, false)
	m.Answered("/graphql", "POST", 200, time.Hour, true)
	m.Answered("/auth/eyJhbGciOiJ", "BREW", 404, 2*time.Second, false)
	check(t, m, before, map[string]float64{
		"rekey_http_requests_total code=200 method=POST route=/graphql": 2,
		"rekey_http_request_duration_seconds_count route=/graphql":      1,
		"rekey_http_request_duration_seconds_sum route=/graphql":        1,
		"rekey_http_requests_total code=404 method=other route=other":   1,
		"rekey_http_request_duration_seconds_count route=other":         1,
		"rekey_http_request_duration_seconds_sum route=other":           2,
	})
}

type never struct{ wait time.Duration }

func (n never) Allow(_ context.Context, checks ...auth.Check) auth.Refusal {
	return auth.Refusal{Limit: checks[0].Limit, Wait: n.wait}
}

func TestMetrics_Limiter(t *testing.T) {
	m := newMetrics()
	before := values(t, m)
	refresh := auth.Check{Limit: auth.Limit{Name: "refresh"}, Key: "secret"}
	if got := m.Limiter(never{time.Minute}).Allow(t.Context(), refresh); got.Wait != time.Minute {
		t.Errorf("wait %v", got.Wait)
	}
	m.Limiter(never{}).Allow(t.Context(), refresh)
	check(t, m, before, map[string]float64{"rekey_rate_limited_total limit=refresh": 1})
}

// States are read at each scrape, not when they are registered.
func TestMetrics_States(t *testing.T) {
	m := newMetrics()
	waiting, skewed := 0, false
	m.Gauge("rekey_waiting", "Help.", func() int { return waiting })
	m.Flag("rekey_skewed", "Help.", func() bool { return skewed })
	m.Gauges("rekey_age_seconds", "Help.", []string{"purpose"}, func(emit func(float64, ...string)) { emit(1.5, "access"); emit(0, "refresh") })
	m.Counters("rekey_checks_total", "Help.", []string{"source", "reason"}, func(emit func(float64, ...string)) { emit(5, "cache", "valid") })
	before := values(t, m)
	waiting, skewed = 9, true
	check(t, m, before, map[string]float64{"rekey_waiting": 9, "rekey_skewed": 1})
	for name, want := range map[string]float64{
		"rekey_waiting": 0, "rekey_skewed": 0, "rekey_age_seconds purpose=access": 1.5, "rekey_age_seconds purpose=refresh": 0,
		"rekey_checks_total reason=valid source=cache": 5,
	} {
		if got, ok := before[name]; !ok || got != want {
			t.Errorf("%s = %v (exported: %v), want %v", name, got, ok, want)
		}
	}
}

// The series of alerts and the dashboard exist from the start, so that the first
// sample of a kind shows as an increase: every step, with the outcomes that
// alarm, every event and every limit.
func TestMetrics_ExistFromTheStart(t *testing.T) {
	names := slices.Collect(maps.Keys(values(t, newMetrics())))
	for _, s := range auth.UseCases() {
		for _, transport := range []string{"graphql", "rest", "other"} {
			for _, outcome := range []string{"ok", "internal", "unavailable"} {
				want(t, names, "rekey_operations_total operation="+string(s)+" outcome="+outcome+" transport="+transport)
			}
		}
	}
	for _, code := range auth.Codes() {
		want(t, names, "rekey_graphql_errors_total code="+string(code))
	}
	for _, l := range auth.DefaultLimits() {
		want(t, names, "rekey_rate_limited_total limit="+l.Name)
	}
	for _, s := range slices.Concat(auth.UseCases(), auth.Parts()) {
		want(t, names, "rekey_operation_duration_seconds_count operation="+string(s))
	}
	for _, kind := range auth.EventKinds() {
		want(t, names, "rekey_events_total event="+string(kind)+" transport=graphql")
	}
}

func want(t *testing.T, names []string, name string) {
	t.Helper()
	if !slices.Contains(names, name) {
		t.Errorf("%s does not exist", name)
	}
}

// BenchmarkMetrics measures the cost of counting.
func BenchmarkMetrics(b *testing.B) {
	m := observe.NewMetrics(observe.MetricsOptions{Now: time.Now, Routes: []string{"/graphql"}})
	client := auth.Client{Transport: "graphql"}
	b.Run("Begin", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, end := m.Begin(b.Context(), auth.StepAccess, client)
			end(nil)
		}
	})
	b.Run("Emit", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			m.Emit(b.Context(), auth.Event{Kind: auth.EventRefresh, Client: client})
		}
	})
	b.Run("Answered", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			m.Answered("/graphql", "POST", 200, time.Millisecond, false)
		}
	})
}
