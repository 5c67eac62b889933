//go:build faults

package fault

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// newInjector returns an injector whose orders are noted instead of carried out.
func newInjector(t *testing.T, env map[string]string) (Injector, *[]order) {
	t.Helper()
	in, err := New(func(name string) string { return env[name] })
	if err != nil {
		t.Fatal(err)
	}
	if in.m.db != nil {
		t.Cleanup(func() { _ = in.m.db.Close() })
	}
	done := &[]order{}
	in.m.points.do = func(o order) { *done = append(*done, o) }
	return in, done
}

// call is one request to the control API.
func call(t *testing.T, in Injector, method, path, body string) (status int, answer string) {
	t.Helper()
	w := httptest.NewRecorder()
	in.m.control().ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
	return w.Code, w.Body.String()
}

func TestControl_Point(t *testing.T) {
	in, done := newInjector(t, nil)
	p := in.m.points
	p.hit(beforeSwap)
	if status, answer := call(t, in, "PUT", "/point", `{"name":"before-swap","action":"delay","nth":2,"delay":"500ms"}`); status != http.StatusOK {
		t.Fatalf("%d %s", status, answer)
	}
	p.hit(afterCommit)
	p.hit(beforeSwap)
	if len(*done) != 0 {
		t.Fatalf("%v at the first hit of two", *done)
	}
	p.hit(beforeSwap)
	p.hit(beforeSwap)
	if want := (order{Action: actionDelay, Delay: 500 * time.Millisecond}); len(*done) != 1 || (*done)[0] != want {
		t.Errorf("done %v, want %v once", *done, want)
	}
	want := `{"after-commit":1,"after-mail":0,"before-first-byte":0,"before-mail":0,"before-note":0,"before-swap":4,"mid-body":0}`
	if _, answer := call(t, in, "GET", "/hits", ""); strings.TrimSpace(answer) != want {
		t.Errorf("hits are %s, want %s", answer, want)
	}
}

func TestControl_PointDefaults(t *testing.T) {
	in, done := newInjector(t, nil)
	if status, answer := call(t, in, "PUT", "/point", `{"name":"mid-body","action":"kill","delay":""}`); status != http.StatusOK {
		t.Fatalf("%d %s", status, answer)
	}
	in.m.points.hit(midBody)
	if len(*done) != 1 {
		t.Error("nth is not 1 where it is not given")
	}
}

func TestOrder_Delay(t *testing.T) {
	start := time.Now()
	if carryOut(order{Action: actionDelay, Delay: 20 * time.Millisecond}); time.Since(start) < 20*time.Millisecond {
		t.Error("a delay takes no time")
	}
}

func TestControl_Disarm(t *testing.T) {
	in, done := newInjector(t, nil)
	call(t, in, "PUT", "/point", `{"name":"mid-body","action":"kill"}`)
	call(t, in, "PUT", "/point", `{"name":"before-note","action":"stop"}`)
	if status, answer := call(t, in, "DELETE", "/point", ""); status != http.StatusOK {
		t.Fatalf("%d %s", status, answer)
	}
	in.m.points.hit(midBody)
	in.m.points.hit(beforeNote)
	if len(*done) != 0 {
		t.Errorf("done %v after disarming", *done)
	}
}

func TestControl_Clock(t *testing.T) {
	in, _ := newInjector(t, nil)
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	now := in.Clock(func() time.Time { return noon })
	for _, tt := range []struct {
		body string
		want time.Duration
	}{{`{"offset":"60s"}`, time.Minute}, {`{"offset":"-1h"}`, -time.Hour}, {`{"offset":"0s"}`, 0}} {
		if status, answer := call(t, in, "PUT", "/clock", tt.body); status != http.StatusOK {
			t.Fatalf("%d %s", status, answer)
		}
		if got := now().Sub(noon); got != tt.want {
			t.Errorf("%s: the clock is off by %v", tt.body, got)
		}
	}
}

func TestControl_Refusals(t *testing.T) {
	in, _ := newInjector(t, nil)
	for _, tt := range []struct{ path, body, want string }{
		{"/point", `{"name":"after-comit","action":"kill"}`, "unknown failpoint"},
		{"/point", `{"name":"after-commit","action":"explode"}`, "unknown action"},
		{"/point", `{"name":"after-commit","action":"delay"}`, "delay must be"},
		{"/point", `{"name":"after-commit","action":"kill","nth":0}`, "at least 1"},
		{"/point", `{"name":"after-commit","action":"kill","nht":2}`, "nht"},
		{"/point", `{"name":"after-commit","action":"delay","delay":"soon"}`, "soon"},
		{"/clock", `{}`, "offset is missing"},
		{"/clock", `{"offset":"later"}`, "later"},
	} {
		if status, answer := call(t, in, "PUT", tt.path, tt.body); status != http.StatusBadRequest || !strings.Contains(answer, tt.want) {
			t.Errorf("%s %s: %d %s", tt.path, tt.body, status, answer)
		}
	}
	for name := range in.m.points.counts() {
		if in.m.points.strike(name) != nil {
			t.Errorf("%s was armed", name)
		}
	}
}

func TestNew_Refusals(t *testing.T) {
	for _, tt := range []struct{ name, value, want string }{
		{"BAD_BUILD", "forks-on-retry", "unknown BAD_BUILD"},
		{"BAD_BUILD", "fork-on-retry", "needs a Postgres"},
		{"FAULT_ADDR", "0.0.0.0:7000", "loopback"},
		{"FAULT_ADDR", "example.com:7000", "loopback"},
		{"FAULT_ADDR", "7000", "host:port"},
	} {
		_, err := New(func(name string) string { return map[string]string{tt.name: tt.value}[name] })
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s=%s: %v", tt.name, tt.value, err)
		}
	}
}

func TestInjector_ZeroValue(t *testing.T) {
	var in Injector
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	if got := in.Clock(func() time.Time { return noon })(); got != noon {
		t.Errorf("the clock says %v", got)
	}
	if h := http.NotFoundHandler(); in.Handler(h) == nil {
		t.Error("no handler")
	}
	if err := in.Start(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestWriter_MidBody(t *testing.T) {
	in, _ := newInjector(t, nil)
	w := httptest.NewRecorder()
	var before string
	in.m.points.do = func(order) { before = w.Body.String() }
	if err := in.m.points.arm(midBody, order{Action: actionKill, Nth: 1}); err != nil {
		t.Fatal(err)
	}
	h := in.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusCreated)
		if n, err := w.Write([]byte("0123456789")); n != 10 || err != nil {
			t.Errorf("wrote %d bytes: %v", n, err)
		}
	}))
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, legacyRefresh, nil))
	if before != "01234" || !w.Flushed || w.Body.String() != "0123456789" || w.Code != http.StatusCreated {
		t.Errorf("%q was sent before, flushed %v; %d %q in the end", before, w.Flushed, w.Code, w.Body)
	}
}

// TestHandler_OthersPass: only answers to refreshes are hit.
func TestHandler_OthersPass(t *testing.T) {
	in, _ := newInjector(t, nil)
	h := in.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("hello")) }))
	for _, r := range []*http.Request{
		httptest.NewRequest(http.MethodPost, "/graphql", nil), httptest.NewRequest(http.MethodGet, "/auth/other", nil), httptest.NewRequest(http.MethodPost, legacyRefresh, nil),
	} {
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
	for name, n := range in.m.points.counts() {
		if n != 0 {
			t.Errorf("%s was hit %d times", name, n)
		}
	}
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, legacyRefresh, nil))
	if n := in.m.points.counts(); n[beforeFirstByte] != 1 || n[midBody] != 1 {
		t.Errorf("a refresh hit %v", n)
	}
}

// TestWriter_Hijack: subscriptions take over their connections.
func TestWriter_Hijack(t *testing.T) {
	in, _ := newInjector(t, nil)
	server := httptest.NewServer(in.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = conn.Write([]byte("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"))
		_ = conn.Close()
	})))
	defer server.Close()
	res, err := http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	if _ = res.Body.Close(); res.StatusCode != http.StatusNoContent {
		t.Errorf("status %d", res.StatusCode)
	}
}
