package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestLoad_byteOrderMark: a secret's file and .env may begin with the byte order
// mark of UTF-8. Another encoding is named.
func TestLoad_byteOrderMark(t *testing.T) {
	const url = "redis://:hunter2@cache:6379"
	for content, want := range map[string]string{"\ufeff" + url + "\r\n": "", "\xff\xfer\x00": "UTF-16", "\x00\x00\xfe\xff": "UTF-32"} {
		path := filepath.Join(t.TempDir(), "redis-url")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := Load(env(map[string]string{"REDIS_URL_FILE": path}))
		if want == "" && (err != nil || string(c.RedisURL) != url) || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, want an error with %q", content, err, want)
		}
		if err := os.WriteFile(path, []byte(strings.Replace(content, url, "PORT=1", 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		_, vars, err := ReadEnvFile(path, env(nil))
		if want == "" && (err != nil || vars["PORT"] != "1") || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf(".env %q: %v, %v, want an error with %q", content, vars, err, want)
		}
	}
}
