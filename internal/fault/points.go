//go:build faults

package fault

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// The failpoints. Those of a refresh are in the order in which it reaches them.
const (
	beforeNote      = "before-note"       // nothing has been done yet
	beforeSwap      = "before-swap"       // the invalidation is written
	afterCommit     = "after-commit"      // the store has rotated the session
	beforeFirstByte = "before-first-byte" // the transport is about to answer
	midBody         = "mid-body"          // half of the answer has been sent

	beforeMail = "before-mail" // the outbox has claimed a mail
	afterMail  = "after-mail"  // the mail was sent and is still in the outbox
)

func pointNames() []string {
	return []string{beforeNote, beforeSwap, afterCommit, beforeFirstByte, midBody, beforeMail, afterMail}
}

// The actions.
const (
	actionKill  = "kill"  // SIGKILL to this process
	actionStop  = "stop"  // SIGSTOP to this process; it continues at SIGCONT
	actionDelay = "delay" // the refresh waits, all others continue
)

// points holds the failpoints of a process: how often each was hit, and the
// armed orders.
type points struct {
	state *pointState
	do    func(order) // executes an order; tests replace it
}

type pointState struct {
	mu    sync.Mutex
	hits  map[string]int64
	armed map[string]*order
}

// order describes an action that happens once, at the nth hit from now.
type order struct {
	Action string
	Nth    int64
	Delay  time.Duration
}

func newPoints() points {
	s := &pointState{hits: map[string]int64{}, armed: map[string]*order{}}
	for _, name := range pointNames() {
		s.hits[name] = 0
	}
	return points{state: s, do: carryOut}
}

// arm replaces the order of a point.
func (p points) arm(name string, o order) error {
	var unknown error
	if !slices.Contains(pointNames(), name) {
		unknown = fmt.Errorf("unknown failpoint %q: choose one of %s", name, strings.Join(pointNames(), ", "))
	}
	if err := errors.Join(unknown, o.check()); err != nil {
		return err
	}
	p.state.mu.Lock()
	defer p.state.mu.Unlock()
	p.state.armed[name] = &o
	return nil
}

// disarm disarms all points.
func (p points) disarm() {
	p.state.mu.Lock()
	defer p.state.mu.Unlock()
	clear(p.state.armed)
}

func (p points) counts() map[string]int64 {
	p.state.mu.Lock()
	defer p.state.mu.Unlock()
	return maps.Clone(p.state.hits)
}

// strike counts a hit and returns the order that is due, or nil.
func (p points) strike(name string) *order {
	p.state.mu.Lock()
	defer p.state.mu.Unlock()
	p.state.hits[name]++
	o := p.state.armed[name]
	if o == nil {
		return nil
	}
	if o.Nth--; o.Nth > 0 {
		return nil
	}
	delete(p.state.armed, name)
	return o
}

func (p points) hit(name string) {
	if o := p.strike(name); o != nil {
		p.do(*o)
	}
}

func (o order) check() error {
	var errs []error
	switch o.Action {
	case actionKill, actionStop:
	case actionDelay:
		if o.Delay <= 0 {
			errs = append(errs, errors.New("a delay must be longer than 0"))
		}
	default:
		errs = append(errs, fmt.Errorf("unknown action %q: choose one of %s, %s, %s", o.Action, actionKill, actionStop, actionDelay))
	}
	if o.Nth < 1 {
		errs = append(errs, fmt.Errorf("nth is %d, must be at least 1", o.Nth))
	}
	return errors.Join(errs...)
}

func carryOut(o order) {
	switch o.Action {
	case actionKill:
		_ = syscall.Kill(syscall.Getpid(), syscall.SIGKILL) // a process may always kill itself
		select {}
	case actionStop:
		stop()
	case actionDelay:
		<-time.After(o.Delay)
	}
}
