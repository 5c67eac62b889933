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

// RenderError answers an error in a transport's own form.
type RenderError func(w http.ResponseWriter, r *http.Request, e *auth.Error)

// Recover turns a panic of the handler into an internal error. It logs the
// panic with its stack and the request's id, removes the headers that the
// handler had set, and answers by render, or as JSON if render is nil. If the
// answer had begun, it cuts the connection instead, so that the client does not
// take half an answer for a whole one. It passes http.ErrAbortHandler on.
func Recover(log *slog.Logger, render RenderError, next http.Handler) http.Handler {
	if render == nil {
		render = func(w http.ResponseWriter, r *http.Request, e *auth.Error) {
			w.Header().Set("Content-Type", "application/json; charset=UTF-8")
			w.WriteHeader(http.StatusInternalServerError)
			_ = json.NewEncoder(w).Encode(map[string]string{
				"code": string(e.Code), "message": e.Message, "requestId": auth.ClientFrom(r.Context()).RequestID,
			})
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := &recorder{ResponseWriter: w}
		before := maps.Clone(w.Header()) // values are not changed in place
		defer func() {                   //nolint:contextcheck // it uses the context of the request
			v := recover()
			if v == nil {
				return
			}
			if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(http.ErrAbortHandler)
			}
			// The value of a panic may quote input, so it is logged only if it is
			// the runtime's own error; a stack contains no values.
			what := fmt.Sprintf("%T", v)
			if err, ok := v.(interface{ RuntimeError() }); ok {
				what = fmt.Sprint(err)
			}
			log.ErrorContext(r.Context(), "panic", "error", what,
				"request_id", auth.ClientFrom(r.Context()).RequestID, "stack", string(debug.Stack()))
			if rec.status != 0 {
				panic(http.ErrAbortHandler)
			}
			clear(w.Header())
			maps.Copy(w.Header(), before)
			render(w, r, &auth.Error{Code: auth.CodeInternal, Message: "internal error"})
		}()
		next.ServeHTTP(rec, r)
	})
}
