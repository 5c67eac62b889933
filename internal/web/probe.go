package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// probeTimeout is longer than a readiness check takes at most.
const probeTimeout = 3 * time.Second

// maxProbeAnswer is how much of an answer is told, in bytes.
const maxProbeAnswer = 4 << 10

// Probe asks url, of this machine, how the service is. Nil means that it
// answered 200; else the error says what it answered.
func Probe(ctx context.Context, url string) (err error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("asking for its health: %w", err)
	}
	// Neither a proxy of the environment nor a kept connection.
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("asking for its health: %w", err)
	}
	defer func() { err = errors.Join(err, res.Body.Close()) }()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxProbeAnswer))
	if err != nil {
		return fmt.Errorf("reading its health: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", res.Status, body)
	}
	return nil
}
