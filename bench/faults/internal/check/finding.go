package check

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"rekey/bench/faults/internal/history"
)

// Rule names something that must never happen.
type Rule string

// The rules.
const (
	Fork            Rule = "fork"             // two children of one token
	TwoWinners      Rule = "two-winners"      // a token rotated twice without its key
	UnlikeRepeat    Rule = "unlike-repeat"    // a repeated request answered with other bytes
	LostRotation    Rule = "lost-rotation"    // an acknowledged rotation that the database does not have
	WronglyEnded    Rule = "wrongly-ended"    // a client that did nothing wrong lost its session
	WronglyRefused  Rule = "wrongly-refused"  // a valid access token was refused with 401
	StaleAccept     Rule = "stale-accept"     // a blacklisted access token accepted
	AfterEnd        Rule = "after-end"        // a revoked session yielded a token
	TwoResets       Rule = "two-resets"       // a link set two passwords, or one that was voided set one
	LostReset       Rule = "lost-reset"       // an acknowledged password is refused
	OldPassword     Rule = "old-password"     // a password accepted after it was replaced
	VoidedLink      Rule = "voided-link"      // a valid link was refused although it set no password
	LostMail        Rule = "lost-mail"        // a requested mail did not arrive
	LongReplay      Rule = "long-replay"      // a replay window that did not close
	EarlyReuse      Rule = "early-reuse"      // a token replaced within the window was judged as reuse
	StrangeAnswer   Rule = "strange-answer"   // an answer that is not part of the API
	NotLinearizable Rule = "not-linearizable" // no order of the requests explains the answers
	Undecided       Rule = "undecided"        // the search for such an order took too long
	Leak            Rule = "leak"             // a secret in a log, an answer, a metric, the database or Redis
	NoRecovery      Rule = "no-recovery"      // no refresh succeeded long after the end of the fault
	Downtime        Rule = "downtime"         // a request failed during a rolling restart
)

// Timed reports whether the rule limits how long something takes. A machine that
// stalls can break such a rule without a fault in rekey.
func (r Rule) Timed() bool {
	return r == Undecided || r == NoRecovery || r == Downtime || r == LostMail
}

// Finding reports one violation of a rule.
type Finding struct {
	Rule    Rule
	Session int // -1 if it concerns no session
	Text    string
	At      time.Duration
	For     time.Duration // StaleAccept: how long after it should have been refused
	Bounded bool          // StaleAccept: within the bound that applies while replicas are cut off
}

// String returns the finding in one line.
func (f Finding) String() string {
	return fmt.Sprintf("%s: session %d at %.3fs: %s", f.Rule, f.Session, f.At.Seconds(), f.Text)
}

// Around returns the requests of the finding's session near the finding, one per
// line.
func (f Finding) Around(records []history.Record) string {
	const before, after = 6 * time.Second, 2 * time.Second
	near := slices.DeleteFunc(slices.Clone(records), func(r history.Record) bool {
		return r.Session != f.Session || r.End < f.At-before || r.Start > f.At+after
	})
	slices.SortFunc(near, func(a, b history.Record) int { return int(a.Start - b.Start) })
	var text strings.Builder
	for _, r := range near {
		fmt.Fprintf(&text, "  %9.3f-%9.3f %-6s gen %-4d key %-6d replica %d %-7s %s %s\n",
			r.Start.Seconds(), r.End.Seconds(), r.Kind, r.Gen, r.Key, r.Replica, r.Transport, r.Outcome, r.Reason)
	}
	return text.String()
}
