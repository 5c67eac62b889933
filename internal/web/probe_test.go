package web_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"rekey/internal/web"
)

func TestProbe(t *testing.T) {
	status := http.StatusOK
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte("database: away"))
	}))
	defer s.Close()
	if err := web.Probe(t.Context(), s.URL); err != nil {
		t.Error(err)
	}
	status = http.StatusServiceUnavailable
	if err := web.Probe(t.Context(), s.URL); err == nil || !strings.Contains(err.Error(), "database: away") {
		t.Errorf("error is %v", err)
	}
	s.Close()
	if err := web.Probe(t.Context(), s.URL); err == nil {
		t.Error("nobody answers, and all is well")
	}
}
