package config

import (
	"strings"
	"testing"
)

func TestLoad_breachedPasswords(t *testing.T) {
	for value, want := range map[string]string{
		"https://api.pwnedpasswords.com/range/": "https://api.pwnedpasswords.com/range/",
		"https://api.pwnedpasswords.com/range":  "https://api.pwnedpasswords.com/range/",
		"http://localhost:1/":                   "http://localhost:1/",
		"http://127.0.0.1:1":                    "http://127.0.0.1:1/",
		"http://mirror.example/range/":          "",
		"https://u:hunter2@mirror.example/":     "",
		"https://mirror.example/?mode=ntlm":     "",
		"https://mirror.example/#":              "",
		"https:///range/":                       "",
		"ftp://mirror.example/":                 "",
		"on":                                    "",
	} {
		c, err := Load(env(map[string]string{"BREACHED_PASSWORDS": value, "EGRESS_ALLOW": "127.0.0.1"}))
		if c.BreachedPasswords != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v", value, c.BreachedPasswords, err)
		}
		if err != nil && (!strings.HasPrefix(err.Error(), "BREACHED_PASSWORDS: ") || strings.Contains(err.Error(), "hunter2")) {
			t.Errorf("%s: %v", value, err)
		}
	}
	if _, err := Load(env(map[string]string{"BREACHED_PASSWORDS": "http://127.0.0.1:1/"})); err == nil || !strings.Contains(err.Error(), "EGRESS_ALLOW: must list the address of BREACHED_PASSWORDS") {
		t.Errorf("not allowed: %v", err)
	}
	if _, err := Load(env(map[string]string{"BREACHED_PASSWORDS_FILE": "/missing/file"})); err == nil || !strings.Contains(err.Error(), "BREACHED_PASSWORDS_FILE: ") {
		t.Errorf("missing file: %v", err)
	}
}
