package app

import (
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"rekey/internal/config"
	"rekey/internal/test/cputime"
)

// openApp opens the program on SQLite, without limits and logs.
func openApp(tb testing.TB) *app { return openAppOn(tb, map[string]string{}) }

func openAppOn(tb testing.TB, env map[string]string) *app {
	tb.Helper()
	env["DATA_DIR"], env["RATE_LIMITS"] = tb.TempDir(), "off"
	cfg, err := config.Load(func(name string) string { return env[name] })
	if err != nil {
		tb.Fatal(err)
	}
	p := &program{cfg: cfg, log: slog.New(slog.DiscardHandler), stdout: io.Discard, now: time.Now}
	a, err := p.open(tb.Context(), server)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = a.close() })
	return a
}

// way is one of the paths on which a token arrives.
type way struct {
	name string
	// forms returns the hostile tokens to present on it.
	forms func(g *target) map[string]forged
	// present sends a request with a token.
	present func(g *target, token string)
	// good sends a request with a valid token. A refresh continues with the
	// token of its answer.
	good func(g *target)
}

// accessCheck names the way of access tokens.
const accessCheck = "access check"

func ways() []way {
	return []way{
		{"refresh, legacy", refreshForms, func(g *target, token string) { g.rest(token) }, goodREST},
		{"refresh, GraphQL", refreshForms, func(g *target, token string) { g.mutation(token) }, goodMutation},
		{accessCheck, accessForms, func(g *target, token string) { g.me(token) }, goodMe},
	}
}

func refreshForms(g *target) map[string]forged { return g.refresh.hostileForms() }
func accessForms(g *target) map[string]forged  { return g.access.hostileForms() }

func (g *target) mutation(token string) []byte {
	return g.graphql("", refreshMutation, map[string]any{"t": token}).Body.Bytes()
}

func (g *target) me(token string) []byte {
	return g.graphql(token, `{ me { id } }`, nil).Body.Bytes()
}

func goodREST(g *target) {
	var body struct {
		Payload struct {
			RefreshToken string `json:"refresh_token"`
		}
	}
	w := g.rest(g.tokens.refresh)
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || w.Code != http.StatusCreated {
		g.tb.Fatalf("%d %s", w.Code, w.Body)
	}
	g.tokens.refresh = body.Payload.RefreshToken
}

func goodMutation(g *target) {
	var body struct {
		Data struct{ RefreshToken struct{ RefreshToken string } }
	}
	if err := json.Unmarshal(g.mutation(g.tokens.refresh), &body); err != nil || body.Data.RefreshToken.RefreshToken == "" {
		g.tb.Fatalf("a good refresh: %+v, %v", body, err)
	}
	g.tokens.refresh = body.Data.RefreshToken.RefreshToken
}

func goodMe(g *target) {
	var body struct {
		Data struct{ Me struct{ ID string } }
	}
	if err := json.Unmarshal(g.me(g.tokens.access), &body); err != nil || body.Data.Me.ID == "" {
		g.tb.Fatalf("a good access check: %+v, %v", body, err)
	}
}

// atATime is the number of requests that are measured together.
const atATime = 2

// costs returns the CPU time of one such request; the minimum of several
// measurements.
func costs(turns int, request func()) time.Duration {
	return cputime.Least(turns, func() {
		for range atATime {
			request()
		}
	}) / atATime
}

// ofOurKey lists the families of forms that only our own key can have signed, as
// it did for a session that no longer exists: their claims are trusted and
// looked up.
var ofOurKey = []string{"claims", "dates", "session"}

// most returns the limit for a hostile token's work, relative to a valid
// token's. An access check asks SQL about a token that the replica has not seen,
// and answers for the valid one from memory.
func (w way) most(family string) float64 {
	switch {
	case slices.Contains(ofOurKey, family) && w.name == accessCheck:
		return 2.5
	case slices.Contains(ofOurKey, family):
		return 1.5
	}
	return 1
}

// TestHostileTokens_cost: a forged token causes at most the work of a valid
// token on the same path, although a valid token's signature is both created and
// verified. A token that our own key has signed causes at most one and a half
// times that work, and two and a half times in an access check.
func TestHostileTokens_cost(t *testing.T) {
	for _, w := range ways() {
		t.Run(w.name, func(t *testing.T) {
			g := newTarget(t, openApp(t))
			forms := w.forms(g)
			good := costs(40, func() { w.good(g) })
			share := func(of time.Duration) float64 { return float64(of) / float64(good) }
			worst := map[string]float64{} // of each family
			for name, form := range forms {
				if name == "form/space before" && w.name == accessCheck {
					continue // GraphQL accepts several spaces after Bearer
				}
				family, _, _ := strings.Cut(name, "/")
				present := func() { w.present(g, form.token) }
				least := costs(2, present)
				// Other work of the machine only adds to the measurement.
				for again := 0; share(least) > w.most(family) && again < 20; again++ {
					least = min(least, costs(3, present))
				}
				if share(least) > w.most(family) {
					t.Errorf("%s: %v of CPU, a good one %v", name, least, good)
				}
				worst[family] = max(worst[family], share(least))
			}
			t.Logf("a good one takes %v of CPU; of %d hostile ones, in shares of that, the costliest:", good, len(forms))
			for _, family := range slices.Sorted(maps.Keys(worst)) {
				t.Logf("%10s %.2f", family, worst[family])
			}
		})
	}
}

// BenchmarkHostileTokens compares each form with a valid token on the same path,
// and with the guard of the legacy transport, which verifies the token and reads
// the session.
func BenchmarkHostileTokens(b *testing.B) {
	run := func(name string, request func()) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				request()
			}
		})
	}
	for _, w := range ways() {
		g := newTarget(b, openApp(b))
		forms := w.forms(g)
		for _, name := range slices.Sorted(maps.Keys(forms)) {
			run(w.name+"/"+name, func() { w.present(g, forms[name].token) })
		}
		run(w.name+"/good", func() { w.good(g) })
	}
	g := newTarget(b, openApp(b))
	run("guard/good", func() { g.serve(httptest.NewRequest(http.MethodGet, "/auth/nowhere", nil), g.tokens.refresh) })
}
