package trial

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"rekey/bench/internal/load"
	"rekey/internal/test/throwaway"
)

// profiled returns the kinds of work that are profiled. Each is also the name of
// a file.
func profiled() []load.Kind { return []load.Kind{load.GraphQL, load.REST, load.Me, load.Login} }

// Profile writes the server's CPU profile during refreshes through each
// transport, access checks and logins, each into a file of its own in dir, for
// go tool pprof.
func (r Rig) Profile(ctx context.Context, dir string) (err error) {
	p, _, err := r.openSeeded(ctx, len(profiled())*growthClients)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close(context.WithoutCancel(ctx))) }()
	admin, err := throwaway.FreeAddr()
	if err != nil {
		return err
	}
	s, err := r.start("DATABASE_URL="+p.URL(), "ADMIN_ADDR="+admin)
	if err != nil {
		return err
	}
	s.postgres = p
	defer func() { err = errors.Join(err, s.server.Close()) }()
	for i, kind := range profiled() {
		taken := make(chan error, 1)
		go func() { taken <- fetchProfile(ctx, admin, filepath.Join(dir, string(kind)+".pb.gz"), r.Window) }()
		plan := load.Plan{Kind: kind, Clients: growthClients, First: i * growthClients, Sessions: growthClients, Issued: r.Source.At}
		_, err := r.sample(ctx, s, string(kind), plan)
		if err := errors.Join(err, <-taken); err != nil {
			return err
		}
	}
	return nil
}

func fetchProfile(ctx context.Context, addr, path string, length time.Duration) (err error) {
	url := "http://" + addr + "/debug/pprof/profile?seconds=" + strconv.Itoa(max(1, int(length.Seconds())))
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("asking for a profile: %w", err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("asking for a profile: %w", err)
	}
	defer func() { err = errors.Join(err, res.Body.Close()) }()
	body, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d", res.StatusCode)
	}
	if err == nil {
		err = os.WriteFile(path, body, 0o644)
	}
	if err != nil {
		return fmt.Errorf("taking a profile: %w", err)
	}
	return nil
}
