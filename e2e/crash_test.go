package e2e

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	_ "github.com/glebarez/sqlite"
)

// crashes is a server that is killed and restarted while clients continue.
type crashes struct {
	mu      sync.Mutex
	url     string
	changed chan struct{} // closed when url changes
	acked   int
	kill    chan struct{} // one for every killEvery acknowledged rotations
	every   int
}

func (c *crashes) moved(url string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.changed != nil {
		close(c.changed)
	}
	c.url, c.changed = url, make(chan struct{})
}

func (c *crashes) base() (string, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.url, c.changed
}

func (c *crashes) ack() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.acked++; c.acked%c.every == 0 {
		c.kill <- struct{}{}
	}
}

// chain is a client that rotates its session repeatedly. It keeps a token until
// it has the next one, and sends a request again with the same key if it got no
// answer.
type chain struct {
	name      string
	transport transport
	token     string
	rotated   int
	retried   int
}

func (c *chain) run(ctx context.Context, hc *http.Client, server *crashes, rotations int) error {
	for c.rotated < rotations {
		if err := c.rotate(ctx, hc, server); err != nil {
			return fmt.Errorf("%s, rotation %d: %w", c.name, c.rotated+1, err)
		}
		c.rotated++
		server.ack()
	}
	return nil
}

func (c *chain) rotate(ctx context.Context, hc *http.Client, server *crashes) error {
	key := fmt.Sprintf("%s-rotation-%06d", c.name, c.rotated)
	for ; ; c.retried++ {
		base, changed := server.base()
		got, err := refresh(hc, c.transport, base, c.token, key)
		switch {
		case err == nil && got.Problem == "":
			c.token = got.Refresh
			return nil
		case err == nil && got.Status != http.StatusServiceUnavailable && got.Problem != "UNAVAILABLE":
			// This error reports the loss of an acknowledged rotation.
			return fmt.Errorf("%d %s", got.Status, got.Problem)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		}
	}
}

// TestServe_killedWhileRotating: killing a server on SQLite repeatedly with
// SIGKILL loses no acknowledged rotation, and a repeated request returns every
// lost answer. Otherwise no chain could continue: its last pair must be the
// current one, or a retry with its parent must return the current one.
func TestServe_killedWhileRotating(t *testing.T) {
	chains, kills, rotations := 8, 20, 10_000
	if testing.Short() {
		kills, rotations = 4, 1000
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Minute)
	defer cancel()
	env := map[string]string{"DATA_DIR": t.TempDir(), "RATE_LIMITS": "off", "LOG_LEVEL": "error"}
	p, hc := start(t, env), httpClient()
	server := &crashes{kill: make(chan struct{}, rotations), every: rotations / (kills + 1)}
	server.moved(p.URL)

	clients := make([]*chain, chains)
	for i := range clients {
		c := &chain{name: fmt.Sprintf("client-%d", i), transport: []transport{graphqlTransport, restTransport}[i%2]}
		c.token = signUp(t, hc, p.URL, c.name+"@example.com").Refresh
		clients[i] = c
	}
	errs := make(chan error, chains)
	for _, c := range clients {
		go func() { errs <- c.run(ctx, hc, server, rotations/chains) }()
	}
	for range kills {
		select {
		case <-server.kill:
		case err := <-errs:
			t.Fatalf("a chain ended early: %v", err)
		}
		p.kill()
		p = start(t, env)
		server.moved(p.URL)
	}
	retried := 0
	for range clients {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	p.terminate()
	for _, c := range clients {
		retried += c.retried
		if got := generationOf(t, env["DATA_DIR"], c.name+"@example.com"); got != c.rotated+1 {
			t.Errorf("%s: generation %d after %d rotations", c.name, got, c.rotated)
		}
	}
	t.Logf("%d rotations acknowledged, %d kills, %d asked again", server.acked, kills, retried)
	if retried < kills {
		t.Errorf("%d requests were cut off by %d kills: the kills struck nobody", retried, kills)
	}
}

func generationOf(t *testing.T, dir, email string) int {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, "rekey.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	var n int
	err = db.QueryRowContext(t.Context(), `SELECT generation FROM sessions s JOIN users u ON u.id = s.user_id WHERE u.email = $1`, email).Scan(&n)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
