package doctor

import (
	"context"
	"fmt"
	"time"

	"rekey/internal/auth"
)

// lateErasure is how long an account may be due before doctor warns, as in the alert
// RekeyErasureOverdue.
const lateErasure = 15 * time.Minute

// deletions checks that accounts are erased when they are due.
func deletions(ctx context.Context, store auth.Deletions) Report {
	b, err := store.DeletionBacklog(ctx)
	if err != nil {
		return Report{unreachable(auth.Cause(err))}
	}
	return erasures(b)
}

func erasures(b auth.DeletionBacklog) Report {
	found := fmt.Sprintf("%d", b.Due)
	if b.Due > 0 {
		found += ", the oldest for " + b.Overdue.Round(time.Second).String()
	}
	return Report{expect(b.Overdue < lateErasure, "deletions.due", found,
		"a running service erases accounts every minute: start it, or look for \"erasing an account failed\" in its log")}
}
