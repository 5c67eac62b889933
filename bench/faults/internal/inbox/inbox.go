// Package inbox receives the mails that replicas send to MAIL_WEBHOOK_URL, and
// remembers the tokens of their links.
package inbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"sync"
	"time"
)

// linkBase begins the links in mails.
const linkBase = "http://127.0.0.1/"

// resetLink matches the token of a link that resets a password.
var resetLink = regexp.MustCompile(`#reset_password=([A-Za-z0-9_-]{43})`)

// Inbox is a server that accepts every mail.
type Inbox struct {
	server *http.Server
	url    string

	mu      sync.Mutex
	tokens  map[string][]string // by address, in the order of their arrival
	arrived chan struct{}       // is closed and replaced when a mail arrives
	ids     map[string]int      // how often each mail arrived
}

// Open starts an inbox. The caller closes it.
func Open() (*Inbox, error) {
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("opening an inbox: %w", err)
	}
	in := &Inbox{url: "http://" + listener.Addr().String() + "/", tokens: map[string][]string{}, arrived: make(chan struct{}), ids: map[string]int{}}
	in.server = &http.Server{Handler: http.HandlerFunc(in.receive), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = in.server.Serve(listener) }() // it returns when the server is closed
	return in, nil
}

// Close stops the server.
func (in *Inbox) Close() error { return in.server.Close() }

// Env returns the settings of a replica that sends its mails here.
func (in *Inbox) Env() []string {
	const secret = "whsec_YmVuY2g6IGEgc2VjcmV0IG9mIGVub3VnaCBieXRlcw==" // "bench: a secret of enough bytes"
	return []string{
		"MAIL_WEBHOOK_URL=" + in.url, "MAIL_WEBHOOK_SECRET=" + secret, "MAIL_FROM=Bench <bench@example.com>",
		"EGRESS_ALLOW=127.0.0.1", "APP_URL=" + linkBase,
	}
}

func (in *Inbox) receive(w http.ResponseWriter, r *http.Request) {
	var body struct{ Data struct{ ID, To, Text string } }
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		w.WriteHeader(http.StatusServiceUnavailable) // the connection broke; rekey retries
		return
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.ids[body.Data.ID]++; in.ids[body.Data.ID] > 1 {
		return
	}
	if found := resetLink.FindStringSubmatch(body.Data.Text); found != nil {
		in.tokens[body.Data.To] = append(in.tokens[body.Data.To], found[1])
		close(in.arrived)
		in.arrived = make(chan struct{})
	}
}

// ErrMissing is returned for a mail that did not arrive.
var ErrMissing = errors.New("a mail did not arrive")

// Await waits until an address has received n links, and returns their tokens.
func (in *Inbox) Await(ctx context.Context, to string, n int) ([]string, error) {
	for {
		in.mu.Lock()
		tokens, arrived := in.tokens[to], in.arrived
		in.mu.Unlock()
		if len(tokens) >= n {
			return tokens, nil
		}
		select {
		case <-arrived:
		case <-ctx.Done():
			return tokens, ErrMissing
		}
	}
}

// Mails returns the number of mails that arrived, and how many of them arrived more
// than once.
func (in *Inbox) Mails() (all, repeated int) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for _, times := range in.ids {
		if times > 1 {
			repeated++
		}
	}
	return len(in.ids), repeated
}
