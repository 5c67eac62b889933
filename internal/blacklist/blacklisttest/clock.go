package blacklisttest

import (
	"sync"
	"time"
)

// Clock stands still unless told. The zero Clock is at an arbitrary moment.
type Clock struct {
	mu     sync.Mutex
	passed time.Duration
}

// Now returns the clock's time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC).Add(c.passed)
}

// Advance moves the clock on.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.passed += d
}
