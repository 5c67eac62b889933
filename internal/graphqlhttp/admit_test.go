package graphqlhttp

import (
	"net/http"
	"testing"
	"time"

	"rekey/internal/auth"
)

func TestHandler_Admit(t *testing.T) {
	refuse := func(err error) func(*Options) {
		return func(o *Options) { o.Admit = func(*http.Request) error { return err } }
	}
	for _, accept := range []string{acceptJSON, acceptGraphQL} {
		t.Run(accept, func(t *testing.T) {
			root := &fakeRoot{}
			w := newFixture(t, root, refuse(auth.RateLimited(1500*time.Millisecond))).
				post(accept, `{"query":"mutation { logout }"}`)
			if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "2" {
				t.Errorf("%d, Retry-After %q", w.Code, w.Header().Get("Retry-After"))
			}
			if got := decode(t, w).Errors[0].Extensions; got.Code != "RATE_LIMITED" || got.RetryAfter != 2 {
				t.Errorf("extensions %+v", got)
			}
			if root.mutated != 0 {
				t.Error("a request that was turned away changed something")
			}
		})
	}
	t.Run("admitted", func(t *testing.T) {
		if w := newFixture(t, &fakeRoot{}, refuse(nil)).post(acceptGraphQL, `{"query":"{ __typename }"}`); w.Code != http.StatusOK {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}
