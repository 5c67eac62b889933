package load

import (
	"context"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

// balancer records which replicas report that they are ready, as a load balancer
// does. Before the first round it uses all of them.
type balancer struct {
	mu    sync.Mutex
	ready []bool
	asked time.Duration // when the last round began
	lag   time.Duration // the longest time from the beginning of a round to the end of the next one
}

// askEvery is the time between two rounds.
const askEvery = 100 * time.Millisecond

// Balance sends requests only to replicas that are ready, until ctx ends. now is
// the clock of the history.
func (c *Client) Balance(ctx context.Context, now func() time.Duration) {
	c.balancer.begin(now())
	for pause(ctx, askEvery) {
		begun, ready := now(), make([]bool, len(c.bases))
		var wg sync.WaitGroup
		for i := range c.bases {
			wg.Go(func() { ready[i] = c.isReady(ctx, i) })
		}
		wg.Wait()
		b := c.balancer
		b.mu.Lock()
		b.lag = max(b.lag, now()-b.asked)
		b.asked, b.ready = begun, ready
		b.mu.Unlock()
	}
}

func (c *Client) isReady(ctx context.Context, replica int) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.bases[replica]+"/readyz", nil)
	if err != nil {
		return false
	}
	req.Close = true
	res, err := c.http.Do(req)
	if err != nil {
		return false
	}
	_ = res.Body.Close()
	return res.StatusCode == http.StatusOK
}

// Any returns a random replica among those that are ready, or among all if none
// is.
func (c *Client) Any() int {
	b := c.balancer
	b.mu.Lock()
	defer b.mu.Unlock()
	var ready []int
	for i, r := range b.ready {
		if r {
			ready = append(ready, i)
		}
	}
	if len(ready) == 0 {
		return rand.IntN(len(b.ready))
	}
	return ready[rand.IntN(len(ready))]
}

// Ready reports whether a replica was ready in the last round.
func (c *Client) Ready(replica int) bool {
	c.balancer.mu.Lock()
	defer c.balancer.mu.Unlock()
	return c.balancer.ready[replica]
}

// Lag returns the longest time, since the last call, for which a request may
// have used an outdated state of a replica.
func (c *Client) Lag() time.Duration {
	b := c.balancer
	b.mu.Lock()
	defer b.mu.Unlock()
	lag := b.lag
	b.lag = 0
	return lag
}

func (b *balancer) begin(now time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked = now
}
