package auth

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
)

// busyQueue returns a queue whose only slot is in use. Its random choices are
// the same in each run.
func busyQueue(t *testing.T, places int) *hashQueue {
	t.Helper()
	q := newHashQueue(1, places)
	q.pick = rand.New(rand.NewPCG(1, 2)).IntN
	if w, err := q.enter(Attempt{}); w != nil || err != nil {
		t.Fatalf("the first attempt waits: %v", err)
	}
	return q
}

// wait enters a queue whose slots are in use.
func (q *hashQueue) wait(t *testing.T, a Attempt) *hashWaiter {
	t.Helper()
	w, err := q.enter(a)
	if w == nil || err != nil {
		t.Fatalf("%+v does not wait: %v", a, err)
	}
	return w
}

// outcome returns "waits", "slot" or a code.
func (w *hashWaiter) outcome() string {
	select {
	case err := <-w.done:
		if err == nil {
			return "slot"
		}
		return string(AsError(err).Code)
	default:
		return "waits"
	}
}

// served lets the slot go from one attempt to the next, n times, and returns the
// accounts of those that got it.
func (q *hashQueue) served(n int, waiters []*hashWaiter) (accounts []string) {
	for range n {
		q.leave()
		for _, w := range waiters {
			if w.outcome() == "slot" {
				accounts = append(accounts, w.Account)
			}
		}
	}
	return accounts
}

func attempts(n int, network string) []Attempt {
	all := make([]Attempt, n)
	for i := range all {
		all[i] = Attempt{Account: fmt.Sprintf("%s-%d", network, i), Network: network}
	}
	return all
}

func TestHashQueue_turns(t *testing.T) {
	q := busyQueue(t, 64)
	var waiters []*hashWaiter
	for _, a := range append(append(attempts(4, "a"), attempts(2, "b")...), attempts(1, "c")...) {
		waiters = append(waiters, q.wait(t, a))
	}
	got := fmt.Sprint(q.served(8, waiters))
	if want := "[a-0 b-0 c-0 a-1 b-1 a-2 a-3]"; got != want {
		t.Errorf("order %s, want %s", got, want)
	}
	if working, waiting := q.load(); working != 0 || waiting != 0 {
		t.Errorf("%d work and %d wait at the end", working, waiting)
	}
}

func TestHashQueue_knownDevices(t *testing.T) {
	q := busyQueue(t, 64)
	var waiters []*hashWaiter
	for _, a := range append(attempts(5, "a"), attempts(3, "b")...) {
		a.Known = a.Network == "b"
		waiters = append(waiters, q.wait(t, a))
	}
	got := fmt.Sprint(q.served(8, waiters))
	if want := "[b-0 a-0 b-1 a-1 b-2 a-2 a-3 a-4]"; got != want {
		t.Errorf("order %s, want %s", got, want)
	}
}

// TestHashQueue_full: a network that sends most is the one that loses, not the
// one that comes last; and of its attempts a random one is dropped.
func TestHashQueue_full(t *testing.T) {
	q := busyQueue(t, 16)
	var flood []*hashWaiter
	for _, a := range attempts(50, "a") {
		flood = append(flood, q.wait(t, a))
	}
	if _, waiting := q.load(); waiting != 16 {
		t.Errorf("%d wait", waiting)
	}
	dropped := map[bool]int{}
	for i, w := range flood {
		if w.outcome() == string(CodeRateLimited) {
			dropped[i < 25]++
		}
	}
	if dropped[true] == 0 || dropped[false] == 0 || dropped[true]+dropped[false] != 34 {
		t.Errorf("%d of the first half and %d of the second were dropped, want 34 of both", dropped[true], dropped[false])
	}
	late := q.wait(t, Attempt{Account: "b-0", Network: "b"})
	for _, a := range attempts(500, "a") {
		a.Account += "-again"
		q.wait(t, a)
	}
	if got := late.outcome(); got != "waits" {
		t.Fatalf("another network: %s", got)
	}
	q.leave()
	q.leave()
	if got := late.outcome(); got != "slot" {
		t.Errorf("another network is not served second: %s", got)
	}
}

// TestHashQueue_share: networks that send more than can be hashed get the same
// share each, whether they send much or little. Known devices are all served.
func TestHashQueue_share(t *testing.T) {
	for _, networks := range []int{64, 192, 256} {
		t.Run(fmt.Sprint(networks), func(t *testing.T) {
			q := busyQueue(t, 64)
			served := map[string]int{}
			waiting := map[*hashWaiter]bool{}
			const rounds, perRound = 400, 32
			for round := range rounds {
				for i := range networks { // in an order that changes
					network := (i*7 + round*13) % networks
					sends := 1
					if network == 0 {
						sends = 5
					}
					for j := range sends {
						waiting[q.wait(t, Attempt{Account: fmt.Sprintf("%d-%d-%d", network, round, j), Network: fmt.Sprint(network)})] = true
					}
				}
				known := q.wait(t, Attempt{Account: "ada", Network: "home", Known: true})
				for range perRound {
					q.leave()
				}
				if got := known.outcome(); got != "slot" {
					t.Fatalf("round %d: the known device: %s", round, got)
				}
				for w := range waiting {
					switch w.outcome() {
					case "slot":
						served[w.Network]++
						delete(waiting, w)
					case string(CodeRateLimited):
						delete(waiting, w)
					}
				}
			}
			fair := float64(rounds*(perRound-1)) / float64(networks)
			for network, n := range served {
				if float64(n) < fair/2 || float64(n) > 2*fair {
					t.Errorf("network %s was served %d times, want about %.0f", network, n, fair)
				}
			}
			if len(served) != networks {
				t.Errorf("%d networks were served", len(served))
			}
		})
	}
}

// TestHashQueue_repeats: in a queue that is not short, an account has one waiting
// attempt from each network.
func TestHashQueue_repeats(t *testing.T) {
	q := busyQueue(t, 16)
	ada := Attempt{Account: "ada", Network: "a"}
	for range 5 { // the queue is short
		q.wait(t, ada)
	}
	if _, err := q.enter(ada); AsError(err) == nil || AsError(err).Code != CodeRateLimited {
		t.Errorf("one more: %v", err)
	}
	if err := q.check(ada); AsError(err) == nil || AsError(err).Code != CodeRateLimited {
		t.Errorf("checked: %v", err)
	}
	for _, other := range []Attempt{{Account: "ada", Network: "b"}, {Account: "eve", Network: "a"}, {Account: "ada", Network: "a", Known: true}, {Network: "a"}, {Network: "a"}} {
		if err := q.check(other); err != nil {
			t.Errorf("%+v: %v", other, err)
		}
		q.wait(t, other)
	}
}

// TestPasswords_canceled: a client that disconnects leaves neither a place nor a
// slot in use.
func TestPasswords_canceled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPasswords(1, 4, nil)
		p.queue.pick = func(int) int { return 0 }
		if err := p.await(t.Context(), Attempt{}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		errs := make(chan error, 2)
		for _, a := range attempts(2, "a") {
			go func() { errs <- p.await(ctx, a) }()
		}
		synctest.Wait()
		if _, waiting := p.Load(); waiting != 2 {
			t.Errorf("%d wait", waiting)
		}
		cancel()
		for range 2 {
			if err := <-errs; AsError(err).Code != CodeUnavailable || !errors.Is(err, context.Canceled) {
				t.Errorf("a canceled attempt: %v", err)
			}
		}
		p.queue.leave()
		if working, waiting := p.Load(); working != 0 || waiting != 0 {
			t.Errorf("%d work and %d wait at the end", working, waiting)
		}
	})
}

// TestPasswords_canceledWithSlot: an attempt that is canceled while it gets a slot,
// or while it is dropped, passes the slot on.
func TestPasswords_canceledWithSlot(t *testing.T) {
	q := busyQueue(t, 1)
	w := q.wait(t, Attempt{Network: "a"})
	q.leave()
	if q.cancel(w) {
		t.Error("a waiter with a slot is removed")
	}
	if got := w.outcome(); got != "slot" {
		t.Errorf("it has %s", got)
	}
	w = q.wait(t, Attempt{Network: "a"})
	other := q.wait(t, Attempt{Network: "a"})
	if q.cancel(w) || w.outcome() != string(CodeRateLimited) {
		t.Error("a dropped waiter is removed")
	}
	if !q.cancel(other) || q.cancel(other) {
		t.Error("a waiter is not removed once")
	}
	q.leave()
	if working, waiting := q.load(); working != 0 || waiting != 0 {
		t.Errorf("%d work and %d wait at the end", working, waiting)
	}
}
