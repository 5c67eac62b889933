package metrics_test

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
	"rekey/internal/metrics"
)

// newMetrics has a clock that moves by a second at each reading.
func newMetrics() *metrics.Metrics {
	now := time.Unix(0, 0)
	return metrics.New(metrics.Options{
		Now:    func() time.Time { now = now.Add(time.Second); return now },
		Routes: []string{"/graphql"},
	})
}

// values are all samples of ours by name and labels, "name a=b c=d"; of a
// histogram its count and sum.
func values(t *testing.T, m *metrics.Metrics) map[string]float64 {
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

// check compares what changed since before.
func check(t *testing.T, m *metrics.Metrics, before, want map[string]float64) {
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

func TestMetrics_Watch(t *testing.T) {
	m := newMetrics()
	before := values(t, m)
	yes := func() bool { return true }
	m.Watch(metrics.Sources{
		AccessChecks: func() map[string]uint64 { return map[string]uint64{"cleared": 5, "old": 2} }, Cleared: "cleared",
		Redis: &metrics.Redis{
			Trusted: yes, OpenBreakers: func() int { return 2 }, Connections: func() (int, int) { return 5, 3 },
			Sharing: yes, Counts: func() (uint64, uint64) { return 7, 8 },
		},
		Pools: func() []metrics.Pool {
			return []metrics.Pool{{Name: "all", Most: 20, Open: 4, Busy: 3, Waits: 2, Waited: time.Minute}}
		},
		Passwords: func() (int, int) { return 1, 9 }, ClockSkewed: yes,
		Streams: func() (int, int) { return 11, 12 },
		Keys:    func() []metrics.Key { return []metrics.Key{{Purpose: "access", Age: time.Hour}} }, KeysFailing: yes,
	})
	check(t, m, before, map[string]float64{
		"rekey_blacklist_checks_total reason=cleared source=cache": 5, "rekey_blacklist_checks_total reason=old source=database": 2,
		"rekey_redis_trusted": 1, "rekey_redis_breakers_open": 2,
		"rekey_redis_connections state=busy": 2, "rekey_redis_connections state=idle": 3,
		"rekey_limits_shared": 1, "rekey_limit_counts_total counted=redis": 7, "rekey_limit_counts_total counted=alone": 8,
		"rekey_database_connections_max pool=all": 20, "rekey_database_connections_open pool=all": 4, "rekey_database_connections_busy pool=all": 3,
		"rekey_database_waits_total pool=all": 2, "rekey_database_wait_seconds_total pool=all": 60,
		"rekey_passwords_hashing": 1, "rekey_passwords_waiting": 9, "rekey_clock_skewed": 1,
		"rekey_stream_connections": 11, "rekey_session_streams": 12, "rekey_key_age_seconds purpose=access": 3600, "rekey_key_ring_failing": 1,
	})
}

// TestMetrics_known: what alerts and the dashboard look for has its series from
// the start, so that the first of a kind shows as an increase: every step, with
// the outcomes that alarm, every event and every limit.
func TestMetrics_known(t *testing.T) {
	names := slices.Collect(maps.Keys(values(t, newMetrics())))
	for _, s := range auth.UseCases() {
		for _, transport := range []string{"graphql", "rest", "other"} {
			for _, outcome := range []string{"ok", "internal", "unavailable"} {
				want(t, names, "rekey_operations_total operation="+string(s)+" outcome="+outcome+" transport="+transport)
			}
		}
	}
	for _, l := range auth.Limits() {
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
		t.Errorf("%s is not there", name)
	}
}

// BenchmarkMetrics is what one access check and one refresh pay for being
// counted.
func BenchmarkMetrics(b *testing.B) {
	m := metrics.New(metrics.Options{Now: time.Now, Routes: []string{"/graphql"}})
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
