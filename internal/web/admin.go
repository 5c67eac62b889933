package web

import (
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// MetricsPath is the path of the metrics on the admin server.
const MetricsPath = "/metrics"

const profilesPath = "/debug/pprof/"

// AdminServer returns a server for operators, for an address that clients do
// not reach: metrics for Prometheus, and Go's profiles. It asks for no
// credentials. It answers requests to an IP address, to localhost, and to the
// names in hosts, and 421 to others: a page in an operator's browser could
// otherwise read it by a name of its own that leads here (DNS rebinding). A metric that cannot be gathered is logged and left out, because
// a gap in one metric is better than no metrics.
func AdminServer(metrics prometheus.Gatherer, hosts []string, log *slog.Logger) *http.Server {
	errorLog := slog.NewLogLogger(log.Handler(), slog.LevelWarn)
	mux := http.NewServeMux()
	mux.Handle("GET "+MetricsPath, promhttp.HandlerFor(metrics, promhttp.HandlerOpts{
		ErrorLog: errorLog, ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: 4,
	}))
	mux.HandleFunc("GET "+profilesPath, pprof.Index)
	mux.HandleFunc("GET "+profilesPath+"cmdline", pprof.Cmdline)
	mux.HandleFunc("GET "+profilesPath+"profile", pprof.Profile)
	mux.HandleFunc("GET "+profilesPath+"symbol", pprof.Symbol)
	mux.HandleFunc("GET "+profilesPath+"trace", pprof.Trace)
	return &http.Server{
		Handler:           forHosts(mux, hosts),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      90 * time.Second, // a profile may take a minute
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          errorLog,
	}
}

// forHosts passes requests on whose Host is an IP address, localhost or one of
// the names. The names are in lower case.
func forHosts(next http.Handler, names []string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		h.Set("Referrer-Policy", "no-referrer")
		host := strings.ToLower(strings.TrimSuffix(hostOf(r.Host), "."))
		if _, err := netip.ParseAddr(host); err == nil || host == "localhost" || slices.Contains(names, host) {
			next.ServeHTTP(w, r)
			return
		}
		http.Error(w, "this host name is not served: use an IP address, or add the name to ADMIN_HOSTS", http.StatusMisdirectedRequest)
	})
}

// hostOf returns the host of a Host header, without port and brackets.
func hostOf(header string) string {
	if host, _, err := net.SplitHostPort(header); err == nil {
		return host
	}
	return strings.TrimSuffix(strings.TrimPrefix(header, "["), "]")
}
