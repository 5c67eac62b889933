// Package outbox sends the mails that wait in the outbox. Each replica has a
// [Worker], of which one at a time works, by a lease in the database.
//
// A mail is sent at least once. It is claimed, sent and deleted before the next
// one is claimed, so that a process that is killed leaves at most one mail that is
// sent twice.
package outbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"rekey/internal/auth"
)

const (
	// Interval is how often a worker looks for mails that other replicas wrote or
	// that are due again.
	Interval = 5 * time.Second
	// sendTimeout bounds one attempt. lease is longer, so that the result of the
	// attempt is stored before another process may claim the mail.
	// A server that checks a mail for long must not get it twice.
	sendTimeout = time.Minute
	lease       = 90 * time.Second
	// stopTimeout is how long an attempt may go on after the worker was stopped.
	stopTimeout = 10 * time.Second
	// markPause is how long a worker waits before it tries again to store the
	// result of an attempt.
	markPause = time.Second

	firstWait = 5 * time.Second
	maxWait   = 10 * time.Minute

	maxReason = 500 // bytes
)

// Options configure a Worker. All fields are required, except Logger and After.
type Options struct {
	Outbox auth.Outbox
	Sealer auth.Sealer
	Mailer auth.Mailer
	Holder string // the id of this process; no other process has it
	// Logger receives failures. Without it they are discarded.
	Logger *slog.Logger
	After  func(time.Duration) <-chan time.Time // nil: time.After
}

// Worker sends mails. It is safe for concurrent use.
type Worker struct {
	options Options
	wake    chan struct{}
	backlog atomic.Pointer[auth.MailBacklog]
	failing bool // the last round failed; only Run uses it

	mu     sync.Mutex
	counts map[Result]uint64
}

// Outcome is the outcome of an attempt, as a label of a metric.
type Outcome string

// The outcomes.
const (
	Sent   Outcome = "sent"
	Failed Outcome = "failed" // it will be tried again
	Dead   Outcome = "dead"   // it will not
)

// Outcomes returns all outcomes.
func Outcomes() []Outcome { return []Outcome{Sent, Failed, Dead} }

// Result is the outcome of an attempt to send a mail of a kind.
type Result struct {
	Kind    auth.MailKind
	Outcome Outcome
}

// New returns a worker that does nothing until Run is called.
func New(o Options) *Worker {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.After == nil {
		o.After = time.After
	}
	w := &Worker{options: o, wake: make(chan struct{}, 1), counts: map[Result]uint64{}}
	for _, kind := range auth.MailKinds() {
		for _, outcome := range Outcomes() {
			w.counts[Result{kind, outcome}] = 0
		}
	}
	w.backlog.Store(&auth.MailBacklog{})
	return w
}

// Wake makes the worker look for mails now. It does not block.
func (w *Worker) Wake() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// Backlog returns the mails in the outbox when the worker last looked.
func (w *Worker) Backlog() auth.MailBacklog { return *w.backlog.Load() }

// Counts returns how often attempts of this worker had each result. It contains
// all results.
func (w *Worker) Counts() map[Result]uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	counts := make(map[Result]uint64, len(w.counts))
	for result, n := range w.counts {
		counts[result] = n
	}
	return counts
}

// Run sends mails until ctx is done. It finishes the attempt that is in progress
// then, and leaves the other mails to the next process. ticks replaces the ticker
// of Interval; nil uses a real one.
func (w *Worker) Run(ctx context.Context, ticks <-chan time.Time) {
	if ticks == nil {
		ticker := time.NewTicker(Interval)
		defer ticker.Stop()
		ticks = ticker.C
	}
	for {
		err := w.round(ctx)
		switch {
		case err != nil && !w.failing:
			w.options.Logger.WarnContext(ctx, "sending mails failed; will retry every few seconds", "error", auth.Cause(err))
		case err == nil && w.failing:
			w.options.Logger.InfoContext(ctx, "mails are being sent again")
		}
		w.failing = err != nil
		select {
		case <-ctx.Done():
			return
		case <-ticks:
		case <-w.wake:
		}
	}
}

// round sends all mails that are due, unless another process does. Without
// settings of mail it only counts them. The lease is
// released afterwards, so that the next mail leaves from the replica that wrote
// it, at once.
func (w *Worker) round(ctx context.Context) error {
	due, err := w.look(ctx)
	if err != nil || !due || !w.options.Mailer.Configured() {
		return err
	}
	finishing := context.WithoutCancel(ctx) // the store has its own time limit
	claimed := false
	for ctx.Err() == nil {
		m, now, err := w.options.Outbox.ClaimMail(finishing, w.options.Holder, lease)
		if errors.Is(err, auth.ErrNotFound) {
			break
		}
		if err != nil {
			return err
		}
		claimed = true
		if err := w.attempt(ctx, m, now); err != nil {
			return err
		}
	}
	if !claimed {
		return nil
	}
	if err := w.options.Outbox.ReleaseMails(finishing, w.options.Holder); err != nil {
		return err
	}
	_, err = w.look(finishing)
	return err
}

// look counts the mails in the outbox and reports whether any is due.
func (w *Worker) look(ctx context.Context) (due bool, err error) {
	b, err := w.options.Outbox.MailBacklog(ctx)
	switch {
	case ctx.Err() != nil: // the process stops
		return false, nil //nolint:nilerr // the error is that of the context
	case err != nil:
		return false, err
	}
	w.backlog.Store(&b)
	return b.Due > 0, nil
}

// attempt sends a claimed mail and stores the result, also if ctx is done
// meanwhile.
func (w *Worker) attempt(ctx context.Context, q auth.QueuedMail, now time.Time) error {
	m, err := auth.OpenMail(w.options.Sealer, q.SealedMail)
	// A mail that cannot be opened may contain a secret.
	secret := err != nil || m.Link != "" || m.Code != ""
	if !now.Before(q.ExpiresAt) {
		reason := q.LastError
		if reason == "" && err != nil {
			reason = err.Error()
		}
		return w.bury(ctx, q, secret, fmt.Sprintf("expired after %d attempts; the last error: %s", q.Tries-1, orNone(reason)))
	}
	if err == nil {
		err = w.send(ctx, q.ID, m)
	}
	ctx = context.WithoutCancel(ctx)
	switch {
	case err == nil:
		w.count(q.Kind, Sent)
		return w.mark(func() error {
			if err := w.options.Outbox.DeleteMail(ctx, q.ID, nil); !errors.Is(err, auth.ErrNotFound) {
				return err
			}
			return nil // an operator dropped it meanwhile
		})
	case errors.Is(err, auth.ErrMailRefused):
		return w.bury(ctx, q, secret, err.Error())
	}
	w.count(q.Kind, Failed)
	wait := min(backoff(q.Tries), q.ExpiresAt.Sub(now)) // at its expiry it becomes a dead letter
	w.options.Logger.InfoContext(ctx, "mail not sent; will retry",
		"id", q.ID, "kind", string(q.Kind), "attempt", q.Tries, "retry_in", wait.String(), "error", err)
	return w.mark(func() error { return w.options.Outbox.PostponeMail(ctx, q.ID, q.Tries, wait, storable(err.Error())) })
}

// send makes an attempt. It may go on for a while after ctx is done.
func (w *Worker) send(ctx context.Context, id string, m auth.Mail) error {
	sending, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendTimeout)
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(stopTimeout, cancel) })()
	return w.options.Mailer.Send(sending, id, m)
}

func (w *Worker) bury(ctx context.Context, q auth.QueuedMail, erase bool, reason string) error {
	w.count(q.Kind, Dead)
	w.options.Logger.WarnContext(ctx, "mail given up; see rekey mail list",
		"id", q.ID, "kind", string(q.Kind), "user_id", q.UserID, "attempts", q.Tries, "error", reason)
	ctx = context.WithoutCancel(ctx)
	return w.mark(func() error { return w.options.Outbox.BuryMail(ctx, q.ID, q.Tries, erase, storable(reason)) })
}

// mark stores the result of an attempt. It tries until just before the lease ends,
// because a mail that was sent and is not deleted is sent again.
func (w *Worker) mark(store func() error) (err error) {
	for range int((lease - sendTimeout) / markPause) {
		if err = store(); err == nil {
			return nil
		}
		<-w.options.After(markPause)
	}
	return fmt.Errorf("storing the result of an attempt: %w", err)
}

func (w *Worker) count(kind auth.MailKind, outcome Outcome) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.counts[Result{kind, outcome}]++
}

// backoff returns how long to wait after a failed attempt: twice as long after
// each, and a quarter more or less, so that mails that failed together are not
// tried together.
func backoff(tries int) time.Duration {
	wait := maxWait
	if doublings := tries - 1; doublings < 10 {
		wait = min(maxWait, firstWait<<max(0, doublings))
	}
	return time.Duration(float64(wait) * (0.75 + rand.Float64()/2))
}

// storable returns the text of an error without what no database stores. A server
// may answer with any bytes.
func storable(reason string) string {
	reason = strings.ReplaceAll(strings.ToValidUTF8(reason, "?"), "\x00", "?")
	return strings.ToValidUTF8(reason[:min(len(reason), maxReason)], "")
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}
