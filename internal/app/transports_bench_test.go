package app

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"rekey/internal/test/throwaway"
)

// BenchmarkTransports_Refresh refreshes through each transport, without a
// network, on Postgres. Each goroutine has a session. With several goroutines
// (-cpu 8) their swaps share statements.
func BenchmarkTransports_Refresh(b *testing.B) {
	address := throwaway.Postgres(b)
	a := openAppOn(b, map[string]string{"DATABASE_URL": address})
	handler := a.handler()
	var people atomic.Int64
	sessions := func() chan string { // one for each goroutine of RunParallel
		all := make(chan string, runtime.GOMAXPROCS(0))
		for range cap(all) {
			all <- signUpBy(b, handler, people.Add(1))
		}
		return all
	}
	for name, transport := range map[string]struct {
		request func(token string) *http.Request
		member  string
	}{
		"GraphQL": {refreshByMutation, "refreshToken"},
		"REST":    {refreshByRoute, "refresh_token"},
	} {
		b.Run(name, func(b *testing.B) {
			tokens := sessions()
			b.ReportAllocs()
			b.ResetTimer()
			b.RunParallel(func(p *testing.PB) {
				token := <-tokens
				for p.Next() {
					w := httptest.NewRecorder()
					handler.ServeHTTP(w, transport.request(token))
					_, after, found := strings.Cut(w.Body.String(), `"`+transport.member+`":"`)
					token, _, _ = strings.Cut(after, `"`)
					if !found {
						b.Errorf("%d %s", w.Code, w.Body)
						return
					}
				}
			})
		})
	}
}

func refreshByMutation(token string) *http.Request {
	body := `{"query":"mutation Refresh($t: String!) { refreshToken(refreshToken: $t) { token refreshToken tokenExpiration } }","variables":{"t":"` + token + `"}}`
	r := httptest.NewRequest(http.MethodPost, "/graphql", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	return r
}

func refreshByRoute(token string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/auth/refresh", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	return r
}

func signUpBy(b *testing.B, handler http.Handler, number int64) string {
	b.Helper()
	body := fmt.Sprintf(`{"query":"mutation { signUp(input: {name: \"Ada\", email: \"ada%d@example.com\", password: \"correct horse\"}) { refreshToken } }"}`, number)
	r := httptest.NewRequest(http.MethodPost, "/graphql", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	var answer struct {
		Data struct{ SignUp struct{ RefreshToken string } }
	}
	if err := json.NewDecoder(w.Body).Decode(&answer); err != nil && err != io.EOF {
		b.Error(err)
	}
	return answer.Data.SignUp.RefreshToken
}
