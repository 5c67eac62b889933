package redispool_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"rekey/internal/redispool"
)

// An error of connecting contains no part of the URL, because a password may be
// at the place of a host.
func TestOpen_concealsURL(t *testing.T) {
	const secret = "s3crettail"
	for _, url := range []string{
		"redis://:p@" + secret + ".invalid", "redis://:" + secret + "@127.0.0.1:1", "redis+sentinel://:p@" + secret + ".invalid:1/0?master_name=main",
		"redis+cluster://:p@" + secret + ".invalid:1", "redis+cluster://:p@127.0.0.1:1?addr=" + secret + ".invalid:1",
	} {
		var log bytes.Buffer
		p, err := redispool.Open(redispool.Options{URL: url, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		err = p.Client().Ping(t.Context()).Err()
		if err == nil || strings.Contains(err.Error(), secret) || strings.Contains(log.String(), secret) {
			t.Errorf("%s: %v, log: %s", url, err, &log)
		}
		_ = p.Close()
	}
}
