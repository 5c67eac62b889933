package blacklisttest

import (
	"sync"
	"time"
)

// Clock stands still until a test moves it. The zero Clock is at an arbitrary
// moment.
type Clock struct {
	mu     sync.Mutex
	passed time.Duration
	follow func(time.Time)
}

// Now returns the clock's time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now()
}

func (c *Clock) now() time.Time { return time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC).Add(c.passed) }

// Follow has f called with the time, now and whenever it changes: another clock
// that shows the same.
func (c *Clock) Follow(f func(time.Time)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.follow = f
	f(c.now())
}

// Advance moves the clock on.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.passed += d
	if c.follow != nil {
		c.follow(c.now())
	}
}
