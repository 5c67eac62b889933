package doctor

import (
	"context"
	"fmt"
	"time"

	"rekey/internal/auth"
)

// lateMail is how long a mail may wait before doctor warns, as in the alert
// RekeyMailWaits.
const lateMail = 15 * time.Minute

// mails checks the outbox.
func mails(ctx context.Context, store auth.Outbox) Report {
	b, err := store.MailBacklog(ctx)
	if err != nil {
		return Report{unreachable(auth.Cause(err))}
	}
	return backlog(b)
}

func backlog(b auth.MailBacklog) Report {
	waiting := fmt.Sprintf("%d", b.Waiting)
	if b.Waiting > 0 {
		waiting += ", the oldest for " + b.Oldest.Round(time.Second).String()
	}
	return Report{
		expect(b.Oldest < lateMail, "mail.waiting", waiting,
			"rekey mail list shows why; a mail is retried until it expires, if a service with settings of mail runs"),
		expect(b.Dead == 0, "mail.dead", fmt.Sprintf("%d", b.Dead),
			"rekey mail list --dead shows why they were not sent; retry those that can be sent now, and drop the others"),
	}
}
