// Package admin is what operators' programs ask, on an address of its own that
// clients do not reach: metrics for Prometheus at /metrics, and Go's profiles
// at /debug/pprof/. Nobody is asked who they are.
package admin

import (
	"log/slog"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Paths of what is served.
const (
	MetricsPath = "/metrics"
	pprofPath   = "/debug/pprof/"
)

// writeTimeout leaves room for a profile of a minute.
const writeTimeout = 90 * time.Second

// Server returns a server of the metrics. What cannot be gathered is left out
// and logged: a gap in one metric is better than none at all.
func Server(metrics prometheus.Gatherer, log *slog.Logger) *http.Server {
	complain := slog.NewLogLogger(log.Handler(), slog.LevelWarn)
	mux := http.NewServeMux()
	mux.Handle("GET "+MetricsPath, promhttp.HandlerFor(metrics, promhttp.HandlerOpts{
		ErrorLog: complain, ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: 4,
	}))
	mux.HandleFunc("GET "+pprofPath, pprof.Index)
	mux.HandleFunc("GET "+pprofPath+"cmdline", pprof.Cmdline)
	mux.HandleFunc("GET "+pprofPath+"profile", pprof.Profile)
	mux.HandleFunc("GET "+pprofPath+"symbol", pprof.Symbol)
	mux.HandleFunc("GET "+pprofPath+"trace", pprof.Trace)
	return &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          complain,
	}
}
