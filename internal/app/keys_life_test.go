package app

import (
	"testing"
	"time"

	"rekey/internal/config"
)

func TestRotationLife(t *testing.T) {
	const day = 24 * time.Hour
	for name, tt := range map[string]struct{ rotation, retry, want time.Duration }{
		"changed by operators": {0, day, 365 * day},
		"each month":           {30 * day, day, 360 * day},
		"each quarter":         {90 * day, day, 365 * day},
		"each hour":            {time.Hour, day, day},
	} {
		if got := rotationLife(config.Config{KeyRotation: tt.rotation, RetryTTL: tt.retry}); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}
