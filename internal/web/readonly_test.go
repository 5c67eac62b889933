package web

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestReadOnly: health checks and fixed documents answer GET and HEAD only.
func TestReadOnly(t *testing.T) {
	for name, h := range map[string]http.Handler{
		"live": Live(), "ready": Ready(slog.New(slog.DiscardHandler), nil), "text": Text("x"),
	} {
		for method, status := range map[string]int{
			http.MethodGet: http.StatusOK, http.MethodHead: http.StatusOK,
			http.MethodPost: http.StatusMethodNotAllowed, http.MethodPut: http.StatusMethodNotAllowed,
			http.MethodDelete: http.StatusMethodNotAllowed, http.MethodPatch: http.StatusMethodNotAllowed,
			http.MethodOptions: http.StatusMethodNotAllowed, "BREW": http.StatusMethodNotAllowed,
		} {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(method, "/", nil))
			if w.Code != status || (status == http.StatusMethodNotAllowed) != (w.Header().Get("Allow") == "GET, HEAD") {
				t.Errorf("%s %s: %d, Allow %q", name, method, w.Code, w.Header().Get("Allow"))
			}
		}
	}
}
