package doctor

import (
	"testing"
	"time"

	"rekey/internal/auth"
)

func TestBacklog(t *testing.T) {
	for name, test := range map[string]struct {
		b    auth.MailBacklog
		want Status
	}{
		"empty":        {auth.MailBacklog{}, OK},
		"a mail waits": {auth.MailBacklog{Waiting: 2, Oldest: time.Minute}, OK},
		"waits long":   {auth.MailBacklog{Waiting: 1, Oldest: time.Hour}, Warning},
		"dead letters": {auth.MailBacklog{Dead: 1}, Warning},
	} {
		if got := backlog(test.b).Worst(); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}
