package check

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"

	"rekey/bench/faults/internal/history"
)

// Rules holds the settings of the servers under test.
type Rules struct {
	Overlap     time.Duration // ACCESS_OVERLAP
	ReuseWindow time.Duration // REUSE_WINDOW
	RetryTTL    time.Duration // RETRY_TTL
	// Bound limits how long stale accepts may last while replicas are cut off
	// from each other's Redis. CutOff lists the times when they were.
	Bound  time.Duration
	CutOff []Span
}

// Span is an interval of time.
type Span struct{ From, To time.Duration }

func (r Rules) cutOff(at time.Duration) bool {
	return slices.ContainsFunc(r.CutOff, func(s Span) bool { return s.From <= at && at <= s.To })
}

// Result holds what the checks found in a history.
type Result struct {
	Findings []Finding
	// Unkeyed counts the clients without idempotency keys that lost their
	// session because an answer was lost. Idempotency keys exist to prevent
	// this.
	Unkeyed int
	// Consumed counts the clients that received 503 although the rotation had
	// been committed, and that lost their session for this reason.
	Consumed int
	Sessions int
}

// session checks one session.
type session struct {
	number  int
	rules   Rules
	records []history.Record // by start

	begun     map[int]time.Duration // when the rotation of a generation was first requested
	rotated   map[int]time.Duration // when it was first acknowledged, or seen in the database
	single    map[int]time.Duration // when the blacklisting of its access token was acknowledged
	logout    *time.Duration        // when a request that ends it began
	loggedOut *time.Duration        // when it was first acknowledged

	accepted          map[history.Record]bool // stale accepts → whether they are within the bound
	findings          []Finding
	unkeyed, consumed int
}

// History checks all sessions of a history.
func History(records []history.Record, rules Rules) Result {
	bySession := map[int][]history.Record{}
	for _, r := range records {
		bySession[r.Session] = append(bySession[r.Session], r)
	}
	var mu sync.Mutex
	result := Result{Sessions: len(bySession)}
	var wg sync.WaitGroup
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for number, own := range bySession {
		slots <- struct{}{}
		wg.Go(func() {
			c := newSession(number, own, rules)
			c.run()
			mu.Lock()
			result.Findings = append(result.Findings, c.findings...)
			result.Unkeyed += c.unkeyed
			result.Consumed += c.consumed
			mu.Unlock()
			<-slots
		})
	}
	wg.Wait()
	slices.SortFunc(result.Findings, func(a, b Finding) int { return int(a.At - b.At) })
	return result
}

func newSession(number int, records []history.Record, rules Rules) *session {
	slices.SortStableFunc(records, func(a, b history.Record) int { return int(a.Start - b.Start) })
	c := &session{number: number, rules: rules, records: records,
		begun: map[int]time.Duration{}, rotated: map[int]time.Duration{}, single: map[int]time.Duration{}, accepted: map[history.Record]bool{}}
	for _, r := range records {
		c.note(r)
	}
	return c
}

func (c *session) note(r history.Record) {
	done := r.Outcome == history.Done
	switch r.Kind {
	case history.Rotate:
		earliest(c.begun, r.Gen, r.Start)
		if done {
			earliest(c.rotated, r.Gen, r.End)
		}
	case history.Landed:
		earliest(c.rotated, r.Gen, r.End)
	case history.Login:
		if done {
			earliest(c.rotated, 0, r.End) // there is no generation 0
		}
	case history.Blacklist:
		if done {
			earliest(c.single, r.Gen, r.End)
		}
	case history.Logout, history.Reset, history.EndedBy:
		if c.logout == nil {
			c.logout = &r.Start
		}
		if done && (c.loggedOut == nil || r.End < *c.loggedOut) {
			c.loggedOut = &r.End
		}
	}
}

func earliest(times map[int]time.Duration, gen int, at time.Duration) {
	if known, ok := times[gen]; !ok || at < known {
		times[gen] = at
	}
}

// linearTimeout limits the search for an order of one session's requests.
const linearTimeout = 20 * time.Second

func (c *session) run() {
	c.children()
	c.stale()
	c.afterEnd()
	c.windows()
	c.refusedAccess()
	c.refusedRefresh()
	c.resets()
	for _, r := range c.records {
		if r.Outcome == history.Strange {
			c.found(StrangeAnswer, r.End, string(r.Kind)+": "+r.Reason)
		}
	}
	c.linear()
}

// linear reports whether no order of the requests explains all answers. It
// leaves out answers that another check has already found wrong, stale accepts
// within the bound, and access tokens that were blacklisted individually: the
// model does not know these.
func (c *session) linear() {
	if slices.ContainsFunc(c.findings, func(f Finding) bool { return !f.Bounded }) {
		return // a session that broke a rule has no valid order; the finding of that rule says more
	}
	records := slices.DeleteFunc(slices.Clone(c.records), func(r history.Record) bool {
		_, single := c.single[r.Gen]
		return c.accepted[r] || r.Outcome == history.Strange || single && r.Kind == history.Access
	})
	switch result, at := linearizable(records, linearTimeout); result {
	case porcupine.Illegal:
		c.found(NotLinearizable, at.End, fmt.Sprintf("no order of its requests explains the answers, none at all that of the %s of generation %d begun at %.3fs",
			at.Kind, at.Gen, at.Start.Seconds()))
	case porcupine.Unknown:
		c.found(Undecided, c.records[len(c.records)-1].End, "no verdict in time")
	}
}

func (c *session) found(rule Rule, at time.Duration, text string) {
	c.findings = append(c.findings, Finding{Rule: rule, Session: c.number, At: at, Text: text})
}
