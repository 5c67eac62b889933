package check

import (
	"fmt"

	"rekey/bench/faults/internal/history"
)

// resets checks the account of a session whose password was reset: one use of its
// links sets one password, which is then the only one that is accepted. A link is
// refused only if another use of it may have set a password.
func (c *session) resets() {
	var set *history.Record // the first acknowledged reset
	unknown, refused := false, -1
	for i, r := range c.records {
		switch {
		case r.Kind == history.Mail:
			c.found(LostMail, r.End, r.Reason)
		case r.Kind != history.Reset:
		case r.Outcome == history.Refused:
			refused = i
		case r.Outcome != history.Done:
			unknown = true
		case set == nil:
			set = &c.records[i]
		default:
			c.found(TwoResets, r.End, fmt.Sprintf("link %d set password %d, and link %d set password %d", set.Link, set.Password, r.Link, r.Password))
		}
	}
	if refused >= 0 && set == nil && !unknown {
		c.found(VoidedLink, c.records[refused].End, "a link was refused that had set no password")
	}
	c.passwords(set, refused >= 0)
}

// passwords checks the logins that began after a reset was acknowledged. If none
// was, but the link was used, all logins must have the same password.
func (c *session) passwords(set *history.Record, used bool) {
	var accepted *history.Record
	for i, r := range c.records {
		if r.Kind != history.Password {
			continue
		}
		done := r.Outcome == history.Done
		switch {
		case set != nil && r.Start <= set.End:
		case set != nil && done && r.Password != set.Password:
			c.found(OldPassword, r.End, fmt.Sprintf("password %d was accepted after password %d was set", r.Password, set.Password))
		case set != nil && r.Outcome == history.Refused && r.Password == set.Password:
			c.found(LostReset, r.End, fmt.Sprintf("password %d was refused after it was set", r.Password))
		case set == nil && used && done && accepted != nil && accepted.Password != r.Password:
			c.found(OldPassword, r.End, fmt.Sprintf("passwords %d and %d were accepted", accepted.Password, r.Password))
		case done:
			accepted = &c.records[i]
		}
	}
}
