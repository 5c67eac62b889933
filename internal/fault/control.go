//go:build faults

package fault

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"time"
)

// checkAddress requires a loopback address, because the API can kill the process.
func checkAddress(address string) error {
	if address == "" {
		return nil
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("FAULT_ADDR is not host:port: %w", err)
	}
	if ip, err := netip.ParseAddr(host); host != "localhost" && (err != nil || !ip.IsLoopback()) {
		return fmt.Errorf("FAULT_ADDR is %s, must be on the loopback interface", address)
	}
	return nil
}

const headerTimeout = 5 * time.Second

func (m *machine) serve(ctx context.Context) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", m.address)
	if err != nil {
		return fmt.Errorf("listening on FAULT_ADDR: %w", err)
	}
	server := &http.Server{Handler: m.control(), ReadHeaderTimeout: headerTimeout}
	context.AfterFunc(ctx, func() { _ = server.Close() }) // nothing can be done about an error
	go func() { _ = server.Serve(listener) }()            // until it is closed
	return nil
}

// control is the API:
//
//	PUT /point {"name": "after-commit", "action": "kill", "nth": 1, "delay": "500ms"}
//	DELETE /point
//	GET /hits
//	PUT /clock {"offset": "60s"}
func (m *machine) control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /point", answering(func(r *http.Request) (any, error) {
		in := struct {
			Name, Action string
			Nth          int64
			Delay        duration
		}{Nth: 1}
		if err := decode(r, &in); err != nil {
			return nil, err
		}
		return struct{}{}, m.points.arm(in.Name, order{Action: in.Action, Nth: in.Nth, Delay: time.Duration(in.Delay)})
	}))
	mux.HandleFunc("DELETE /point", answering(func(*http.Request) (any, error) {
		m.points.disarm()
		return struct{}{}, nil
	}))
	mux.HandleFunc("GET /hits", answering(func(*http.Request) (any, error) { return m.points.counts(), nil }))
	mux.HandleFunc("PUT /clock", answering(func(r *http.Request) (any, error) {
		var in struct{ Offset *duration }
		if err := decode(r, &in); err != nil {
			return nil, err
		}
		if in.Offset == nil {
			return nil, errors.New("offset is missing")
		}
		m.offset.Store(int64(*in.Offset))
		return struct{}{}, nil
	}))
	return mux
}

// answering returns a handler that responds with 200 and JSON, or with 400 and
// the error.
func answering(do func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		status := http.StatusOK
		answer, err := do(r)
		if err != nil {
			status, answer = http.StatusBadRequest, map[string]string{"error": err.Error()}
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(answer) // fails only if the client is gone
	}
}

const maxControlBytes = 4 << 10

// decode refuses unknown members, because a misspelt one would arm the wrong
// fault.
func decode(r *http.Request, into any) error {
	d := json.NewDecoder(http.MaxBytesReader(nil, r.Body, maxControlBytes))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("reading the request: %w", err)
	}
	return nil
}

// duration is text in the form of time.ParseDuration.
type duration time.Duration

// UnmarshalText reads a duration. The empty text is 0.
func (d *duration) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*d = 0
		return nil
	}
	parsed, err := time.ParseDuration(string(text))
	if err != nil {
		return err
	}
	*d = duration(parsed)
	return nil
}
