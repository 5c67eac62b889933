package auth

import (
	"math/rand/v2"
	"sync"
	"time"
)

// Attempt describes for whom a password is hashed. Waiting attempts share the
// slots by it. The zero Attempt is an operator's.
type Attempt struct {
	Account string // key of the account, existing or not
	Network string // of the client, as AddressKey returns it
	// Known is set for a device that has signed in to the account before.
	Known bool
}

// hashQueue shares a number of slots between attempts.
//
// If all slots are in use, attempts wait. Networks take turns: a network that
// had its turn goes behind all others, so a network with many waiting attempts
// delays the others by one hash each. If all places are taken, a new attempt
// replaces a random one of the network that has most of them. An attacker who
// sends more than the slots can serve thus gets the share of other networks at
// most, whether it is early or late.
//
// Known devices have places of their own. As long as one waits, it gets every
// second slot.
type hashQueue struct {
	slots int
	pick  func(n int) int // returns a random number from 0 to n-1

	mu        sync.Mutex
	free      int
	known     hashClass
	strangers hashClass
	// strangersNext is set after a known device got a slot.
	strangersNext bool
}

// hashClass holds the waiting attempts of known devices or of strangers.
type hashClass struct {
	places int
	total  int
	turn   uint64               // increases with each arrival and each turn
	lines  map[string]*hashLine // by network; none is empty
}

// hashLine holds the waiting attempts of one network, the oldest first.
type hashLine struct {
	since   uint64 // when its turn began to be due
	waiters []*hashWaiter
}

// hashWaiter is a waiting attempt.
type hashWaiter struct {
	Attempt
	// done receives nil when the attempt gets a slot, or the error that it is
	// refused with.
	done chan error
}

// newHashQueue returns a queue with at least one slot, at least one place for
// strangers, and a quarter as many again for known devices.
func newHashQueue(slots, places int) *hashQueue {
	slots, places = max(1, slots), max(1, places)
	return &hashQueue{
		slots: slots, free: slots, pick: rand.IntN,
		known:     hashClass{places: max(1, places/4), lines: map[string]*hashLine{}},
		strangers: hashClass{places: places, lines: map[string]*hashLine{}},
	}
}

func (q *hashQueue) class(a Attempt) *hashClass {
	if a.Known {
		return &q.known
	}
	return &q.strangers
}

func errQueueFull() error {
	return RateLimited(time.Second).By(Limit{Name: "password_queue", By: "network"})
}

// check returns the error that enter would return now.
func (q *hashQueue) check(a Attempt) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.free == 0 && q.class(a).repeats(a) {
		return errQueueFull()
	}
	return nil
}

// enter takes a slot. If none is free, it returns a waiter. The caller calls
// leave after it got a slot, now or later.
func (q *hashQueue) enter(a Attempt) (*hashWaiter, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.free > 0 {
		q.free--
		return nil, nil
	}
	c := q.class(a)
	if c.repeats(a) {
		return nil, errQueueFull()
	}
	if c.total >= c.places {
		c.drop(c.heaviest(a.Network, q.pick), q.pick)
	}
	return c.add(a), nil
}

// leave passes a slot on.
func (q *hashQueue) leave() {
	q.mu.Lock()
	defer q.mu.Unlock()
	first, second := &q.known, &q.strangers
	if q.strangersNext {
		first, second = second, first
	}
	w := first.next()
	if w == nil {
		w = second.next()
	}
	if w == nil {
		q.free++
		return
	}
	q.strangersNext = w.Known
	w.done <- nil
}

// cancel removes a waiter. It returns false if the waiter got a slot, or was
// dropped: done then has the outcome.
func (q *hashQueue) cancel(w *hashWaiter) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	c := q.class(w.Attempt)
	line := c.lines[w.Network]
	if line == nil {
		return false
	}
	for i := range line.waiters {
		if line.waiters[i] == w {
			c.remove(w.Network, i)
			return true
		}
	}
	return false
}

// load returns how many slots are in use, and how many attempts wait.
func (q *hashQueue) load() (working, waiting int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.slots - q.free, q.known.total + q.strangers.total
}

// repeats reports whether an attempt must not wait, because another one at the
// same account from the same network does. It is false while at most a quarter
// of the places are taken.
func (c *hashClass) repeats(a Attempt) bool {
	line := c.lines[a.Network]
	if line == nil || a.Account == "" || c.total <= c.places/4 {
		return false
	}
	for _, w := range line.waiters {
		if w.Account == a.Account {
			return true
		}
	}
	return false
}

func (c *hashClass) add(a Attempt) *hashWaiter {
	w := &hashWaiter{Attempt: a, done: make(chan error, 1)}
	line := c.lines[a.Network]
	if line == nil {
		c.turn++
		line = &hashLine{since: c.turn}
		c.lines[a.Network] = line
	}
	line.waiters = append(line.waiters, w)
	c.total++
	return w
}

// next removes the oldest waiter of the network whose turn it is, or returns nil.
func (c *hashClass) next() *hashWaiter {
	var network string
	var due *hashLine
	for n, line := range c.lines {
		if due == nil || line.since < due.since {
			network, due = n, line
		}
	}
	if due == nil {
		return nil
	}
	c.turn++
	due.since = c.turn
	return c.remove(network, 0)
}

// heaviest returns the network with most waiters, counting one more for
// newcomer. Of several, it picks one at random.
func (c *hashClass) heaviest(newcomer string, pick func(int) int) (network string) {
	most, ties := 0, 0
	for n, line := range c.lines {
		count := len(line.waiters)
		if n == newcomer {
			count++
		}
		switch {
		case count > most:
			network, most, ties = n, count, 1
		case count == most:
			if ties++; pick(ties) == 0 {
				network = n
			}
		}
	}
	return network
}

// drop refuses a random waiter of a network.
func (c *hashClass) drop(network string, pick func(int) int) {
	c.remove(network, pick(len(c.lines[network].waiters))).done <- errQueueFull()
}

func (c *hashClass) remove(network string, i int) *hashWaiter {
	line := c.lines[network]
	w := line.waiters[i]
	line.waiters = append(line.waiters[:i], line.waiters[i+1:]...)
	if c.total--; len(line.waiters) == 0 {
		delete(c.lines, network)
	}
	return w
}
