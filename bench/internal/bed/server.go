package bed

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"strconv"

	"rekey/bench/internal/seed"
	"rekey/internal/test/throwaway"
)

// Binary is a built rekey with the directory of its keys.
type Binary struct {
	Path string
	Keys string
}

// Server is a running rekey.
type Server struct {
	*throwaway.ProgramServer
}

// Start starts a server with env, given as NAME=value, added to its environment.
// Rate limits are off, because one client sends as much as thousands; all other
// settings have their defaults. Servers share a DATA_DIR, which contains the key
// that encrypts the database's keys.
func (b Binary) Start(env ...string) (*Server, error) {
	s, err := throwaway.OpenProgram(throwaway.Program{
		Argv:  func(string, int) []string { return []string{b.Path} },
		Env:   func(_ string, port int) []string { return append(b.Env(filepath.Join(b.Keys, "data"), port), env...) },
		Ready: IsReady,
	})
	if err != nil {
		return nil, fmt.Errorf("starting rekey: %w", err)
	}
	return &Server{s}, nil
}

// Env returns the environment of a server.
func (b Binary) Env(dataDir string, port int) []string {
	return []string{
		"HOST=127.0.0.1", "PORT=" + strconv.Itoa(port), "DATA_DIR=" + dataDir, "LOG_FORMAT=json", "RATE_LIMITS=off",
		"ACCESS_PRIVATE_PEM_FILE=" + filepath.Join(b.Keys, seed.AccessKey),
		"REFRESH_PRIVATE_PEM_FILE=" + filepath.Join(b.Keys, seed.RefreshKey),
	}
}

// IsReady returns nil if the server reports that it is ready.
func IsReady(ctx context.Context, addr string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/readyz", nil)
	if err != nil {
		return err
	}
	req.Close = true
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		err = fmt.Errorf("readiness: status %d", res.StatusCode)
	}
	_ = res.Body.Close() // the body is not read
	return err
}
