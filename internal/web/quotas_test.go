package web

import (
	"net/http"
	"testing"
	"time"

	"rekey/internal/auth"
)

// Answers report the limits in headers, however the answer begins, and pages of
// other origins may read them.
func TestChain_Quotas(t *testing.T) {
	counted := func(r *http.Request) {
		for _, q := range []auth.Quota{
			{Limit: auth.Limit{Name: "slow", Rate: 0.2, Burst: 10}, Remaining: 7, Reset: 14100 * time.Millisecond},
			{Limit: auth.Limit{Name: "fast", Rate: 10, Burst: 30}, Reset: 30 * time.Millisecond, Refused: true},
			{Limit: auth.Limit{Name: "secret", Rate: 10, Burst: 30, Private: true}, Refused: true},
			{Limit: auth.Limit{Name: "replica", Rate: 10, Burst: 30, PerReplica: true}},
			{Limit: auth.Limit{Name: "slow", Rate: 0.2, Burst: 10}, Remaining: 6, Reset: 19 * time.Second},
		} {
			auth.NoteQuota(r.Context(), q)
		}
	}
	for name, begin := range map[string]func(w http.ResponseWriter){
		"status":  func(w http.ResponseWriter) { w.WriteHeader(http.StatusTooManyRequests) },
		"body":    func(w http.ResponseWriter) { _, _ = w.Write([]byte("x")) },
		"flush":   func(w http.ResponseWriter) { w.(http.Flusher).Flush() },
		"nothing": func(http.ResponseWriter) {},
	} {
		t.Run(name, func(t *testing.T) {
			srv := start(t, Options{CORS: CORSOptions{Origins: []string{"*"}}}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				counted(r)
				begin(w)
			}))
			req, err := http.NewRequest(http.MethodGet, srv.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Origin", "https://app.example")
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = res.Body.Close()
			want := map[string]string{
				"RateLimit-Policy":              `"slow";q=10;w=50, "fast";q=30;w=3`,
				"RateLimit":                     `"slow";r=6;t=19, "fast";r=0;t=1`,
				"Access-Control-Expose-Headers": "Retry-After, X-Request-ID, WWW-Authenticate, RateLimit, RateLimit-Policy",
			}
			for name, value := range want {
				if got := res.Header.Get(name); got != value {
					t.Errorf("%s: %s, want %s", name, got, value)
				}
			}
		})
	}
}

func TestChain_LimitHeaders(t *testing.T) {
	asked := 0
	o := Options{LimitHeaders: func(path string) bool { asked++; return path != "/x" }}
	srv := start(t, o, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		auth.NoteQuota(r.Context(), auth.Quota{Limit: auth.Limit{Name: "slow", Rate: 1, Burst: 1}})
		w.WriteHeader(http.StatusTeapot)
	}))
	res, err := http.Get(srv.URL + "/x")
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if asked != 1 || len(res.Header["Ratelimit"]) > 0 {
		t.Errorf("asked %d times: %v", asked, res.Header)
	}
}
