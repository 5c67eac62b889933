// Command gate answers a proxy whether a request may pass: 204 with the user's id,
// 401 or 503. It sends no request to rekey for a token.
//
//	REKEY_URL=https://auth.example.com REKEY_API_KEY=rk_... LISTEN=127.0.0.1:8081 go run .
package main

import (
	"context"
	"errors"
	"log"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"time"

	"rekey/verify"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	v, err := verify.New(verify.Options{
		URL: os.Getenv("REKEY_URL"), APIKey: os.Getenv("REKEY_API_KEY"), Logger: slog.Default(),
	})
	if err != nil {
		return err
	}
	go v.Run(ctx)
	server := &http.Server{Addr: os.Getenv("LISTEN"), Handler: check(v), ReadHeaderTimeout: 5 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// check checks the bearer token of a request.
func check(v *verify.Verifier) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if !strings.EqualFold(scheme, "Bearer") {
			w.Header().Set("WWW-Authenticate", "Bearer")
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		claims, err := v.Verify(r.Context(), token)
		switch {
		case errors.Is(err, verify.ErrInvalid):
			w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
			w.WriteHeader(http.StatusUnauthorized)
		case err != nil: // the token may be valid: a 401 would sign the user out
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusServiceUnavailable)
		default:
			w.Header().Set("X-User-Id", claims.UserID)
			w.WriteHeader(http.StatusNoContent)
		}
	}
}
