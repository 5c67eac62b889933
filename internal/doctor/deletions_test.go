package doctor

import (
	"testing"
	"time"

	"rekey/internal/auth"
)

func TestErasures(t *testing.T) {
	for name, test := range map[string]struct {
		b    auth.DeletionBacklog
		want Status
	}{
		"none":    {auth.DeletionBacklog{}, OK},
		"waits":   {auth.DeletionBacklog{Waiting: 3}, OK},
		"due":     {auth.DeletionBacklog{Waiting: 1, Due: 1, Overdue: time.Minute}, OK},
		"overdue": {auth.DeletionBacklog{Waiting: 1, Due: 1, Overdue: time.Hour}, Warning},
	} {
		t.Run(name, func(t *testing.T) {
			if got := erasures(test.b).Worst(); got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
		})
	}
}
