package redispool_test

import (
	"strings"
	"testing"

	"rekey/internal/redispool"
	"rekey/internal/test/logcheck"
)

func TestOpen(t *testing.T) {
	for _, url := range []string{
		"redis://localhost", "redis://user:hunter2@localhost:6379/3?client_name=rekey", "rediss://localhost:6379",
		"redis+sentinel://localhost:26379?master_name=m&addr=localhost:26380&password=hunter2",
		"rediss+sentinel://localhost:26379?master_name=m",
		"redis+cluster://user:hunter2@localhost:6379?addr=localhost:6380", "rediss+cluster://localhost:6379",
	} {
		t.Run(url, func(t *testing.T) {
			p, err := redispool.Open(redispool.Options{URL: url, Logger: logcheck.Logger(t)})
			if err != nil {
				t.Fatalf("Open: %v", err)
			}
			if err := p.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		})
	}
}

func TestOpen_Refused(t *testing.T) {
	for name, url := range map[string]string{
		"empty":                    "",
		"other scheme":             "http://:hunter2@localhost",
		"other kind":               "redis+ring://:hunter2@localhost",
		"no host":                  "redis:///hunter2",
		"slash in the password":    "redis://:hun/hunter2@localhost",
		"password as path":         "redis://localhost/hunter2",
		"unknown option":           "redis://:hunter2@localhost?hunter2=1",
		"sentinels without master": "redis+sentinel://:hunter2@localhost:26379",
		"reading from replicas":    "redis+cluster://:hunter2@localhost:6379?read_only=true",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := redispool.Open(redispool.Options{URL: url, Logger: logcheck.Logger(t)})
			if err == nil {
				t.Fatal("accepted")
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error repeats a part of the URL: %v", err)
			}
		})
	}
}
