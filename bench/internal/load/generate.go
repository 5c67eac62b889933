package load

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"slices"
	"sync"
	"syscall"
	"time"

	"rekey/bench/internal/seed"
)

// ready and start are the messages between the two processes.
const (
	ready = "ready\n"
	start = "start\n"
)

// Generate is the clients' process: it reads a plan, prepares everything,
// reports that it is ready, works when it receives start, and writes the
// outcome.
func Generate(ctx context.Context, in io.Reader, out io.Writer, now func() time.Time) error {
	lines := bufio.NewReader(in)
	text, err := lines.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("reading the plan: %w", err)
	}
	var plan Plan
	if err := json.Unmarshal(text, &plan); err != nil {
		return fmt.Errorf("reading the plan: %w", err)
	}
	clients, err := open(ctx, plan, now)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(out, ready); err != nil {
		return err
	}
	if _, err := lines.ReadString('\n'); err != nil {
		return fmt.Errorf("waiting for the start: %w", err)
	}
	if plan.Kind == Storm {
		s := storm{plan: plan, now: now, run: clients[0].run}
		return json.NewEncoder(out).Encode(s.work(ctx))
	}
	return json.NewEncoder(out).Encode(work(ctx, clients, plan, now))
}

func open(ctx context.Context, plan Plan, now func() time.Time) ([]*client, error) {
	codec, err := seed.Codec(plan.Keys)
	if err != nil {
		return nil, err
	}
	clients, hash, run := make([]*client, plan.Clients), maphash.MakeSeed(), now().UnixNano()
	for i := range clients {
		clients[i] = &client{
			plan: plan, number: i, codec: codec, now: now, hash: hash, run: run,
			errors: map[string]int{},
		}
	}
	if err := together(clients, func(c *client) error { return c.open(ctx) }); err != nil {
		return nil, err
	}
	kind, warm := plan.Kind, together
	switch kind {
	case Me:
		kind = GraphQL
	case Storm:
		warm = inTurn // more clients than may wait for a password to be hashed
	case GraphQL, REST, Login:
	}
	if err := warm(clients, func(c *client) error { return c.warm(ctx, kind) }); err != nil {
		return nil, err
	}
	if plan.Settle == 0 {
		return clients, nil
	}
	<-time.After(plan.Settle)
	return clients, together(clients, func(c *client) error { return c.warm(ctx, kind) })
}

func together(clients []*client, do func(c *client) error) error {
	errs := make([]error, len(clients))
	var wg sync.WaitGroup
	for i, c := range clients {
		wg.Go(func() { errs[i] = do(c) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

func inTurn(clients []*client, do func(c *client) error) error {
	for _, c := range clients {
		if err := do(c); err != nil {
			return err
		}
	}
	return nil
}

func work(ctx context.Context, clients []*client, plan Plan, now func() time.Time) Outcome {
	before, begun := ownCPU(), now()
	until := begun.Add(plan.For)
	_ = together(clients, func(c *client) error { c.work(ctx, until); return nil })
	o := Outcome{Elapsed: now().Sub(begun), CPU: ownCPU() - before, Errors: map[string]int{}}
	var took []time.Duration
	var tokens []uint64
	for _, c := range clients {
		took, tokens = append(took, c.took...), append(tokens, c.tokens...)
		for text, n := range c.errors {
			o.Errors[text] += n
		}
		o.Verified += c.verified
	}
	if twice := repeated(tokens); twice > 0 {
		o.Errors["a token was answered twice"] = twice
	}
	o.Done = len(took)
	o.P50, o.P99 = Percentile(took, 50), Percentile(took, 99)
	return o
}

func repeated(tokens []uint64) int {
	slices.Sort(tokens)
	return len(tokens) - len(slices.Compact(tokens))
}

// Percentile returns the percentile p, or zero for an empty list.
func Percentile[T cmp.Ordered](values []T, p int) (zero T) {
	if len(values) == 0 {
		return zero
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[(len(sorted)-1)*p/100]
}

func ownCPU() time.Duration {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage) // fails only for an invalid argument
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
