package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"runtime/debug"

	"rekey/internal/auth"
)

// RenderError answers an error in a door's own form.
type RenderError func(w http.ResponseWriter, r *http.Request, e *auth.Error)

// Recover turns a panic of the handler into an internal error: it is logged
// with its stack and the request's id, and answered by render, or as JSON when
// render is nil. Headers that the handler had set are taken back. When the
// answer had begun, the connection is cut instead, so that nobody takes half
// an answer for a whole one. http.ErrAbortHandler passes.
func Recover(log *slog.Logger, render RenderError, next http.Handler) http.Handler {
	if render == nil {
		render = renderJSON
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := &recorder{ResponseWriter: w}
		before := maps.Clone(w.Header()) // nobody changes a value in place
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(http.ErrAbortHandler)
			}
			logPanic(log, r, v)
			if rec.status != 0 {
				panic(http.ErrAbortHandler)
			}
			restore(w.Header(), before)
			render(w, r, &auth.Error{Code: auth.CodeInternal, Message: "internal error"})
		}()
		next.ServeHTTP(rec, r)
	})
}

// logPanic logs what went wrong. The value of the panic may quote input, so it
// is shown only when it is the runtime's own error; the stack holds no values.
func logPanic(log *slog.Logger, r *http.Request, v any) {
	what := fmt.Sprintf("%T", v)
	if err, ok := v.(interface{ RuntimeError() }); ok {
		what = fmt.Sprint(err)
	}
	log.ErrorContext(r.Context(), "panic", "panic", what,
		"request_id", auth.ClientFrom(r.Context()).RequestID, "stack", string(debug.Stack()))
}

func restore(h, before http.Header) {
	clear(h)
	maps.Copy(h, before)
}

// renderJSON answers an error where no door has a form of its own.
func renderJSON(w http.ResponseWriter, r *http.Request, e *auth.Error) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(http.StatusInternalServerError)
	_ = json.NewEncoder(w).Encode(map[string]string{
		"code": string(e.Code), "message": e.Message, "requestId": auth.ClientFrom(r.Context()).RequestID,
	})
}
