package check

import (
	"fmt"
	"slices"
	"time"

	"rekey/bench/faults/internal/history"
)

// children finds tokens with two successors, and repeated answers that differ.
func (c *session) children() {
	type first struct {
		record history.Record
		keys   map[int]bool
	}
	seen := map[int]first{}
	for _, r := range c.records {
		if r.Kind != history.Rotate || r.Outcome != history.Done {
			continue
		}
		f, again := seen[r.Gen]
		if !again {
			seen[r.Gen] = first{r, map[int]bool{r.Key: true}}
			continue
		}
		switch {
		case f.record.Child != r.Child:
			c.found(Fork, r.End, fmt.Sprintf("generation %d has two children", r.Gen))
		case f.record.Pair != r.Pair:
			c.found(UnlikeRepeat, r.End, fmt.Sprintf("the pair of generation %d was repeated with other bytes", r.Gen+1))
		}
		if r.Key == 0 || !f.keys[r.Key] {
			c.found(TwoWinners, r.End, fmt.Sprintf("generation %d was rotated twice without one key", r.Gen))
		}
	}
}

// stale finds access tokens that were accepted although they were certainly
// blacklisted: by a rotation acknowledged longer ago than the overlap, by
// blacklisting, or by logout.
func (c *session) stale() {
	for _, r := range c.records {
		if r.Kind != history.Access || r.Outcome != history.Done {
			continue
		}
		over, by := c.over(r.Gen)
		if by == "" || r.Start <= over {
			continue
		}
		age := r.Start - over
		f := Finding{Rule: StaleAccept, Session: c.number, At: r.End, For: age,
			Bounded: age <= c.rules.Bound && c.rules.cutOff(r.Start),
			Text:    fmt.Sprintf("the access token of generation %d was accepted %v after its end by %s", r.Gen, age, by)}
		c.findings = append(c.findings, f)
		c.accepted[r] = f.Bounded
	}
}

// over returns since when an access token was certainly invalid, and why. It
// returns "" if the token may have been valid.
func (c *session) over(gen int) (at time.Duration, by string) {
	if rotated, ok := c.rotated[gen]; ok {
		at, by = rotated+c.rules.Overlap+slack(c.rules.Overlap), "rotation"
	}
	if single, ok := c.single[gen]; ok && (by == "" || single < at) {
		at, by = single, "blacklisting"
	}
	if c.loggedOut != nil && (by == "" || *c.loggedOut < at) {
		at, by = *c.loggedOut, "logout"
	}
	return at, by
}

// slack returns how much longer or shorter a window measured by the database's
// clock may appear on the bench's clock. A system clock that is being adjusted
// runs up to 500 ppm fast or slow (adjtimex(2)); a monotonic clock does not.
func slack(window time.Duration) time.Duration { return window/1000 + time.Millisecond }

// windows finds replays that were accepted, or judged as a race, after their
// window had closed, and those that were judged as reuse while it was open.
//
// For the direct parent, a race ends one window after the rotation. For an older
// token, up to one window it is a race, up to two windows it may be either, and
// after that it is reuse.
func (c *session) windows() {
	for _, r := range c.records {
		begun, tried := c.begun[r.Gen]
		if r.Kind == history.Rotate && r.Reason == "TOKEN_REUSED" && tried && r.End-begun < c.rules.ReuseWindow-slack(c.rules.ReuseWindow) {
			c.found(EarlyReuse, r.End, fmt.Sprintf("generation %d was taken for reuse %v after its rotation began", r.Gen, r.End-begun))
		}
		since, rotated := c.rotated[r.Gen]
		if r.Kind != history.Rotate || !rotated {
			continue
		}
		switch age := r.Start - since; {
		case r.Outcome == history.Done && age > c.rules.RetryTTL+slack(c.rules.RetryTTL):
			c.found(LongReplay, r.End, fmt.Sprintf("generation %d was repeated %v after its rotation", r.Gen, age))
		case r.Reason == "TOKEN_BLACKLISTED" && c.raceOver(r):
			c.found(LongReplay, r.End, fmt.Sprintf("generation %d was taken for a race %v after its rotation", r.Gen, age))
		}
	}
}

// sameIAT is the longest time between two tokens with the same iat: a second, and
// as much as the clocks of replicas may differ.
const sameIAT = 3 * time.Second

// raceOver reports whether the presented token can no longer be a race. A token
// counts as replaced when the last token with the same iat was.
func (c *session) raceOver(r history.Record) bool {
	window := c.rules.ReuseWindow
	if child, began := c.begun[r.Gen+1]; began && child < r.End {
		window *= 2 // it may be older than the parent
	}
	since := c.rotated[r.Gen]
	issued, known := c.rotated[r.Gen-1]
	for gen := r.Gen + 1; known && c.begun[gen-1]-issued <= sameIAT; gen++ {
		next, rotated := c.rotated[gen]
		if !rotated || next > r.Start {
			break
		}
		since = next
	}
	return r.Start-since > window+slack(window)
}

// afterEnd finds successful refreshes of a session after its logout.
func (c *session) afterEnd() {
	for _, r := range c.records {
		if r.Kind == history.Rotate && r.Outcome == history.Done && c.loggedOut != nil && r.Start > *c.loggedOut {
			c.found(AfterEnd, r.End, fmt.Sprintf("generation %d was rotated after the logout was acknowledged", r.Gen))
		}
	}
}

// refusedAccess finds access tokens that were refused although they were
// certainly valid: no rotation of them had begun longer ago than the overlap, no
// rotation of their children had begun, and there was no logout.
func (c *session) refusedAccess() {
	for _, r := range c.records {
		if _, single := c.single[r.Gen]; single || r.Kind != history.Access || r.Outcome != history.Refused || c.leaving(r.End) {
			continue
		}
		begun, rotating := c.begun[r.Gen]
		next, older := c.begun[r.Gen+1]
		if !rotating || r.End < begun+c.rules.Overlap-slack(c.rules.Overlap) && (!older || r.End < next) {
			c.found(WronglyRefused, r.End, fmt.Sprintf("the access token of generation %d was refused: %s", r.Gen, r.Reason))
		}
	}
}

// refusedRefresh finds clients that did nothing wrong and were refused. A client
// without keys that never learned the outcome of an attempt had no right to its
// token; Unkeyed counts these clients.
func (c *session) refusedRefresh() {
	for _, r := range c.records {
		if r.Kind != history.Rotate || r.Outcome != history.Refused || r.Replay || c.leaving(r.End) {
			continue
		}
		switch before := c.before(r); {
		case before == history.Cut && saysUsed(r.Reason):
			c.unkeyed++
		case before == history.Unavailable && saysUsed(r.Reason):
			c.consumed++
		default:
			c.found(WronglyEnded, r.End, fmt.Sprintf("the refresh token of generation %d was refused: %s", r.Gen, r.Reason))
		}
	}
}

// saysUsed reports whether a reason means that the token had been used.
func saysUsed(reason string) bool {
	return slices.Contains([]string{"TOKEN_BLACKLISTED", "TOKEN_REUSED", "SESSION_REVOKED", "token is blacklisted"}, reason)
}

// before returns the outcome of an earlier attempt of a client without a key
// with the same token: Cut, or at least Unavailable. It returns "" if there was
// no such outcome, or if the client has a key.
func (c *session) before(r history.Record) history.Outcome {
	var worst history.Outcome
	for _, e := range c.records {
		if r.Key != 0 || e.Kind != history.Rotate || e.Gen != r.Gen || e.Start >= r.Start || e.Key != 0 {
			continue
		}
		if e.Outcome == history.Cut || e.Outcome == history.Unavailable && worst == "" {
			worst = e.Outcome
		}
	}
	return worst
}

// leaving reports whether the client had begun to log out.
func (c *session) leaving(at time.Duration) bool { return c.logout != nil && *c.logout < at }
